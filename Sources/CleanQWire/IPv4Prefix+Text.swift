extension IPv4Prefix {
  /// What is wrong with the text of a prefix. Each description is a sentence for the person who typed it. Sendable.
  public enum ParseError: Error, Sendable, Hashable, CaseIterable {
    /// It is an IPv6 address.
    case ipv6
    /// It is a word that asks for an address from the network.
    case automatic
    /// There is no `/`.
    case missingSlash
    /// What stands before the `/` is not a strict dotted quad.
    case badAddress
    /// Nothing stands after the `/`.
    case missingLength
    /// What stands after the `/` is not a decimal number, or starts with a needless 0.
    case badLength
    /// The length is a number above 32.
    case lengthOutOfRange
  }

  /// The prefix written as a strict dotted quad, a slash and a length: `10.0.0.2/24`.
  ///
  /// - Throws: what is wrong; the leftmost mistake, save that another kind of address and a missing slash come first.
  /// - Complexity: O(length of `text`).
  public init(_ text: some StringProtocol) throws(ParseError) {
    let bytes = text.utf8
    if Self.looksLikeIPv6(bytes) { throw .ipv6 }
    if text == "dhcp" || text == "auto" { throw .automatic }
    guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else { throw .missingSlash }
    guard let address = IPv4Address(dottedQuad: bytes[..<slash]) else { throw .badAddress }
    let length = try Self.parseLength(bytes[slash...].dropFirst())
    self.address = address
    self.length = length
  }

  /// Two colons at least, and before a slash nothing that an IPv6 address does not have (RFC 4291 § 2.2).
  private static func looksLikeIPv6(_ text: some Sequence<UInt8>) -> Bool {
    var colonCount = 0
    for byte in text.prefix(while: { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "%") }) {
      switch byte {
      case UInt8(ascii: ":"): colonCount += 1
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
        UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."):
        continue
      default: return false
      }
    }
    return colonCount >= 2
  }

  private static func parseLength(_ digits: some Sequence<UInt8>) throws(ParseError) -> Int {
    var value: Int?
    var isTooLong = false
    for byte in digits {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), value != 0 else { throw .badLength }
      let next = (value ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
      isTooLong = isTooLong || next > 32
      // Digits are still read after the value is known to be too large, so that "33x" is not a number; it stops
      // growing.
      value = isTooLong ? 33 : next
    }
    guard let value else { throw .missingLength }
    guard !isTooLong else { throw .lengthOutOfRange }
    return value
  }
}

extension IPv4Prefix.ParseError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ipv6: "IPv6 is not supported yet; give an IPv4 address, as in 10.0.0.2/24"
    case .automatic: "addresses from the network (DHCP) are not supported yet; give one, as in 10.0.0.2/24"
    case .missingSlash: "a prefix needs a slash and a length after the address, as in 10.0.0.2/24"
    case .badAddress: "the address must be four numbers from 0 to 255 with dots between them, as in 10.0.0.2/24"
    case .missingLength: "the prefix length is missing after the slash: write one from 0 to 32, as in 10.0.0.2/24"
    case .badLength: "the prefix length must be a decimal number from 0 to 32, as in 10.0.0.2/24"
    case .lengthOutOfRange: "the prefix length is above 32: write one from 0 to 32, as in 10.0.0.2/24"
    }
  }
}
