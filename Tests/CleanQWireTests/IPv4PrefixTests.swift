import CleanQWire
import Testing

@Suite struct IPv4PrefixTests {
  @Test(
    arguments: [
      ("10.0.0.2", .missingSlash), ("", .missingSlash), ("24", .missingSlash), ("10.0.0.2 24", .missingSlash),
      ("10.0.0.2\\24", .missingSlash),
      ("fd00::2/64", .ipv6), ("::", .ipv6), ("::ffff:10.0.0.2/96", .ipv6), ("fe80::1%eth0/64", .ipv6),
      ("ad:10.0.0.2/24", .badAddress), ("g::1/64", .badAddress), ("dhcp", .automatic), ("auto", .automatic),
      ("/24", .badAddress), ("10.0.0/24", .badAddress), ("10.0.0.256/24", .badAddress), ("010.0.0.2/24", .badAddress),
      ("host/24", .badAddress), (" 10.0.0.2/24", .badAddress), ("10.0.0.2 /24", .badAddress),
      ("10.0.0/33", .badAddress),
      ("10.0.0.2/", .missingLength),
      ("10.0.0.2/x", .badLength), ("10.0.0.2/024", .badLength), ("10.0.0.2/00", .badLength),
      ("10.0.0.2/-1", .badLength),
      ("10.0.0.2/+1", .badLength), ("10.0.0.2/ 24", .badLength), ("10.0.0.2/24 ", .badLength),
      ("10.0.0.2/24/", .badLength),
      ("10.0.0.2/255.255.255.0", .badLength), ("10.0.0.2/33x", .badLength), ("10.0.0.2/2.4", .badLength),
      ("10.0.0.2/33", .lengthOutOfRange), ("10.0.0.2/320", .lengthOutOfRange),
      ("10.0.0.2/99999999999999999999999999", .lengthOutOfRange),
    ] as [(String, IPv4Prefix.ParseError)])
  func mistakesAreNamed(text: String, expected: IPv4Prefix.ParseError) {
    #expect(throws: expected) { try IPv4Prefix(text) }
    #expect(throws: expected) { try IPv4Prefix("<\(text)>".dropFirst().dropLast()) }
  }

  @Test func eachMistakeHasItsOwnSentence() {
    let sentences = Set(IPv4Prefix.ParseError.allCases.map(\.description))
    #expect(sentences.count == IPv4Prefix.ParseError.allCases.count)
    #expect(sentences.allSatisfy { $0.contains("10.0.0.2/24") })
  }

  @Test("Every length goes round, and its mask, network and broadcast are as bit by bit", arguments: 0...32)
  func everyLength(length: Int) throws {
    let prefix = try IPv4Prefix("10.171.205.98/\(length)")
    #expect(prefix.description == "10.171.205.98/\(length)")
    #expect(prefix == IPv4Prefix(address: IPv4Address(10, 171, 205, 98), length: length))
    var mask: UInt32 = 0
    for bit in 0..<length { mask |= 1 << UInt32(31 - bit) }
    #expect(prefix.netmask.rawValue == mask)
    #expect(prefix.network.rawValue == prefix.address.rawValue & mask)
    #expect(prefix.directedBroadcast?.rawValue == (length < 31 ? prefix.address.rawValue | ~mask : nil))
    #expect(prefix.contains(prefix.address))
    #expect(prefix.contains(prefix.network))
    for bit in 0..<32 {
      let other = IPv4Address(rawValue: prefix.address.rawValue ^ (1 << UInt32(31 - bit)))
      #expect(prefix.contains(other) == (bit >= length), "\(other)")
    }
  }

  @Test func knownNetwork() throws {
    let prefix = try IPv4Prefix("10.0.0.2/24")
    #expect(prefix.netmask == IPv4Address(255, 255, 255, 0))
    #expect(prefix.network == IPv4Address(10, 0, 0, 0))
    #expect(prefix.directedBroadcast == IPv4Address(10, 0, 0, 255))
    #expect(prefix.contains(IPv4Address(10, 0, 0, 255)) && !prefix.contains(IPv4Address(10, 0, 1, 0)))
  }

  @Test func lengthsOutsideAreRefused() {
    #expect(IPv4Prefix(address: .unspecified, length: -1) == nil)
    #expect(IPv4Prefix(address: .unspecified, length: 33) == nil)
    #expect(IPv4Prefix(address: .unspecified, length: .max) == nil)
  }
}
