import CleanQWire
import Testing
import TestSupport

/// One packet for each reason: valid but for the one mistake.
@Suite struct WireErrorTests {
  static let ip = Array(Golden.udpFrame.dropFirst(14))
  static let udp = Array(Golden.udpFrame.dropFirst(34))
  static let arp = Array(Golden.arpRequestFrame.dropFirst(14))

  static func parseUDP(_ bytes: [UInt8]) -> WireError? {
    CleanQWireTests.parseUDP(bytes, IPv4Address(10, 0, 0, 1), IPv4Address(10, 0, 0, 2)).error
  }

  @Test(arguments: WireError.allCases) func eachReasonIsGiven(reason: WireError) {
    let given: WireError? =
      switch reason {
      case .truncated: parseEthernet(zeros(13)).error
      case .badVersion: parseIPv4(resummed(replacing(Self.ip, 0, 0x65))).error
      case .badHeaderLength: parseIPv4(resummed(replacing(Self.ip, 0, 0x44))).error
      case .badTotalLength: parseIPv4(resummed(Self.ip, 2, 19)).error
      case .badHeaderChecksum: parseIPv4(replacing(Self.ip, 11, Self.ip[11] ^ 1)).error
      case .badUDPLength: Self.parseUDP(replacing(Self.udp, 5, 7))
      case .badUDPChecksum: Self.parseUDP(replacing(Self.udp, 7, Self.udp[7] ^ 1))
      case .badICMPChecksum: parseICMP(replacing(Golden.echoRequest, 3, 0)).error
      case .badARPHardware: parseARP(replacing(Self.arp, 1, 6)).error
      case .badARPProtocol: parseARP(replacing(Self.arp, 3, 6)).error
      case .badARPLength: parseARP(replacing(Self.arp, 4, 8)).error
      case .badARPOperation: parseARP(replacing(Self.arp, 7, 3)).error
      }
    #expect(given == reason)
  }

  @Test("A header cut anywhere is an error; so is nothing at all")
  func cutHeaders() {
    for count in 0..<14 { #expect(parseEthernet(Array(Golden.udpFrame.prefix(count))) == .failure(.truncated)) }
    for count in 0..<28 { #expect(parseARP(Array(Self.arp.prefix(count))) == .failure(.truncated)) }
    for count in 0..<Self.ip.count { #expect(parseIPv4(Array(Self.ip.prefix(count))) == .failure(.truncated)) }
    for count in 0..<Golden.optionsPacket.count {
      #expect(parseIPv4(Array(Golden.optionsPacket.prefix(count))) == .failure(.truncated))
    }
    for count in 0..<Self.udp.count {
      #expect(Self.parseUDP(Array(Self.udp.prefix(count))) == (count < 8 ? .truncated : .badUDPLength))
    }
    for count in 0..<8 { #expect(parseICMP(Array(Golden.echoRequest.prefix(count))) == .failure(.truncated)) }
    // Cut at 9 the sum of this message is still wrong, and so on: its data are all different.
    for count in 9..<Golden.echoRequest.count {
      #expect(parseICMP(Array(Golden.echoRequest.prefix(count))) == .failure(.badICMPChecksum))
    }
  }

  @Test("Random bytes never trap, and what is accepted is inside them", arguments: seeds(3))
  func randomBytes(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<3000 {
      var bytes = random.bytes(Int.random(in: 0...96, using: &random))
      // Half of them look like what they are parsed as, so that the later checks are met.
      if Bool.random(using: &random), bytes.count >= 60 {
        bytes[0] = 0x40 | UInt8.random(in: 5...15, using: &random)
        bytes[2] = 0
        bytes[3] = UInt8.random(in: 0...100, using: &random)
        bytes[4] = 0
        bytes = resummed(bytes)
      }
      if case .success(let header) = parseIPv4(bytes) {
        #expect(
          header.headerByteCount >= 20 && header.headerByteCount <= header.totalByteCount, "seed \(seed) \(bytes)")
        #expect(header.totalByteCount <= bytes.count, "seed \(seed) \(bytes)")
      }
      if case .success(let header) = CleanQWireTests.parseUDP(bytes, .unspecified, .unspecified) {
        #expect(header.totalByteCount >= 8 && header.totalByteCount <= bytes.count, "seed \(seed) \(bytes)")
      }
      _ = (parseEthernet(bytes), parseARP(bytes), parseICMP(bytes))
      _ = writing(bytes) { _ = replyToEcho(&$0) }
    }
  }
}

extension Result where Failure == WireError {
  /// The reason of a failure.
  var error: WireError? {
    guard case .failure(let error) = self else { return nil }
    return error
  }
}
