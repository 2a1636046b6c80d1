import CleanQWire
import Testing
import TestSupport

@Suite struct ARPPacketTests {
  let macA = MACAddress(2, 0, 0, 0, 0, 1)
  let macB = MACAddress(2, 0, 0, 0, 0, 2)
  let ipA = IPv4Address(10, 0, 0, 1)
  let ipB = IPv4Address(10, 0, 0, 2)

  @Test func goldenQuestionAndAnswer() {
    let request = ARPPacket.request(for: ipB, from: macA, ipA)
    #expect(parseARP(Array(Golden.arpRequestFrame.dropFirst(14))) == .success(request))
    #expect(writing(zeros(28)) { request.emit(into: &$0) } == Array(Golden.arpRequestFrame.dropFirst(14)))
    let reply = request.reply(from: macB)
    #expect(parseARP(Array(Golden.arpReplyFrame.dropFirst(14))) == .success(reply))
    #expect(writing(zeros(28)) { reply.emit(into: &$0) } == Array(Golden.arpReplyFrame.dropFirst(14)))
  }

  @Test func paddingIsIgnored() {
    let packet = Array(Golden.arpRequestFrame.dropFirst(14))
    #expect(parseARP(packet + [UInt8](repeating: 0xFF, count: 18)) == parseARP(packet))
  }

  @Test("Every value of each byte of the fixed fields: only the right one passes")
  func fixedFields() {
    let packet = Array(Golden.arpRequestFrame.dropFirst(14))
    let reasons: [WireError] = [
      .badARPHardware, .badARPHardware, .badARPProtocol, .badARPProtocol, .badARPLength, .badARPLength,
      .badARPOperation,
    ]
    for (offset, reason) in reasons.enumerated() {
      for byte in UInt8.min...UInt8.max where byte != packet[offset] {
        #expect(parseARP(replacing(packet, offset, byte)) == .failure(reason), "byte \(offset) is \(byte)")
      }
    }
    for byte in UInt8.min...UInt8.max {
      #expect(parseARP(replacing(packet, 7, byte)).error == (byte == 1 || byte == 2 ? nil : .badARPOperation))
    }
  }

  @Test("Mistakes are named in the order of RFC 826's reception")
  func order() {
    let packet = zeros(28)
    #expect(parseARP(packet) == .failure(.badARPHardware))
    #expect(parseARP(hex("0001") + zeros(26)) == .failure(.badARPProtocol))
    #expect(parseARP(hex("00010800") + zeros(24)) == .failure(.badARPLength))
    #expect(parseARP(hex("000108000604") + zeros(22)) == .failure(.badARPOperation))
    #expect(parseARP(hex("0001080006040001") + zeros(20)).error == nil)
  }

  @Test(arguments: seeds(3)) func goesRound(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let packet = ARPPacket(
        operation: Bool.random(using: &random) ? .request : .reply,
        senderHardware: random.mac(), senderProtocol: random.address(),
        targetHardware: random.mac(), targetProtocol: random.address())
      let before = random.bytes(46)
      let after = writing(before) { packet.emit(into: &$0) }
      #expect(parseARP(after) == .success(packet))
      #expect(after.dropFirst(28) == before.dropFirst(28))
    }
  }
}
