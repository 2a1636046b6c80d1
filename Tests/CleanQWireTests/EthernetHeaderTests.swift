import CleanQWire
import Testing
import TestSupport

@Suite struct EthernetHeaderTests {
  @Test func goldenFrames() throws {
    let udp = EthernetHeader(
      destination: MACAddress(2, 0, 0, 0, 0, 2), source: MACAddress(2, 0, 0, 0, 0, 1), etherType: .ipv4)
    #expect(parseEthernet(Golden.udpFrame) == .success(udp))
    #expect(writing(zeros(14)) { udp.emit(into: &$0) } == Array(Golden.udpFrame.prefix(14)))
    let arp = try value(parseEthernet(Golden.arpRequestFrame))
    #expect(arp.destination.isBroadcast && arp.etherType == .arp)
  }

  @Test("Only the 14 bytes are written and read", arguments: seeds(3))
  func goesRound(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let header = EthernetHeader(
        destination: random.mac(), source: random.mac(), etherType: EtherType(rawValue: random.uint16()))
      let before = random.bytes(Int.random(in: 14...40, using: &random))
      let after = writing(before) { header.emit(into: &$0) }
      #expect(parseEthernet(after) == .success(header))
      #expect(after.dropFirst(14) == before.dropFirst(14))
    }
  }
}
