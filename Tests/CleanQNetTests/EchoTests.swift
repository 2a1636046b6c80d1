import CleanQ
import CleanQWire
import Testing

@testable import CleanQNet

@Suite("Echo") struct EchoTests {
  @Test("turns frames, packets and datagrams round")
  func units() throws {
    let region = try Region(byteCount: 8192)
    var frame = try take(region.buffer(byteCount: 2048))
    let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    check(frame.fill(from: bytes.span))
    let isFrameTurned = reflect(&frame, as: Frame.self)
    let turned = (0..<14).map { frame.bytes[$0] }
    #expect(isFrameTurned && turned == [7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 13, 14])

    let peer = IPv4Address(10, 0, 0, 1)
    let host = IPv4Address(10, 0, 0, 2)
    frame.packetAnnotation = PacketAnnotation(source: peer, destination: host, protocol: .udp, timeToLive: 3)
    let isPacketTurned = reflect(&frame, as: Packet.self)
    let packet = frame.packetAnnotation
    #expect(isPacketTurned && packet == PacketAnnotation(source: host, destination: peer, protocol: .udp))

    frame.datagramAnnotation = DatagramAnnotation(source: peer, sourcePort: 1, destination: host, destinationPort: 2)
    let isDatagramTurned = reflect(&frame, as: Datagram.self)
    let datagram = frame.datagramAnnotation
    #expect(
      isDatagramTurned
        && datagram == DatagramAnnotation(source: host, sourcePort: 2, destination: peer, destinationPort: 1))
  }

  @Test("what is too short to turn round is dropped, counted, and its buffer given back")
  func tooShort() throws {
    let region = try Region(byteCount: 2048 * 4)
    var echo = EchoPort<Frame>()
    try echo.register(region)
    var burst = Burst()
    for count in [14, 11, 12] {
      var buffer = try take(region.buffer(byteCount: 2048))
      check(buffer.setValid(offset: 50, byteCount: count))
      burst.append(buffer)
    }
    let refusal = echo.transmit(&burst)
    #expect(refusal == nil)
    var back = Burst()
    var completed = Burst()
    echo.receive(into: &back)
    echo.complete(into: &completed)
    let counts = (back.count, completed.count)
    #expect(counts == (2, 1))
    var reports: [StageReport] = []
    echo.report(into: &reports)
    #expect(reports.map(\.name) == ["echo"])
    #expect(reports[0].drops == [StageReport.Count("truncated", 1)])
    #expect(reports[0].received.packets == 2)
  }

  @Test("a burst that does not fit is refused whole, and no packet is turned round twice")
  func full() throws {
    let region = try Region(byteCount: 64 * 128)
    var echo = EchoPort<Frame>()
    try echo.register(region)
    var first = try frames(20, region)
    var second = try frames(20, region)
    let taken = echo.transmit(&first)
    let refused = echo.transmit(&second)
    #expect(taken == nil && refused == .full)
    var unchanged = true
    for index in 0..<second.count { if second[index].bytes[0] != 1 { unchanged = false } }
    #expect(unchanged)
    let census = echo.census()
    #expect(census.inFlightBufferCount == 20)
  }

  private func frames(_ count: Int, _ region: borrowing Region) throws -> Burst {
    var burst = Burst()
    for _ in 0..<count {
      var buffer = try take(region.buffer(byteCount: 64))
      check(buffer.setValid(offset: 0, byteCount: 14))
      var bytes = buffer.mutableBytes
      bytes[0] = 1
      bytes[6] = 2
      burst.append(buffer)
    }
    return burst
  }
}
