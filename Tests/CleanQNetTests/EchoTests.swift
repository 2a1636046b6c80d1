import CleanQ
import CleanQWire
import Testing
import TestSupport

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

  @Test("of a burst that does not fit, the front is taken, and no packet is turned round twice")
  func full() throws {
    let region = try Region(byteCount: 64 * 128)
    var echo = EchoPort<Frame>()
    try echo.register(region)
    var first = try frames(20, region)
    var second = try frames(20, region)
    let taken = echo.transmit(&first)
    let refused = echo.transmit(&second)
    #expect(taken == nil && refused == .full)
    check(second.count == 8)
    var left = true
    for index in 0..<second.count { if second[index].bytes[0] != 1 { left = false } }
    #expect(left)
    var back = Burst()
    echo.receive(into: &back)
    check(back.count == 32)
    var turned = true
    for index in 0..<back.count { if back[index].bytes[0] != 2 { turned = false } }
    #expect(turned)
    back.releaseAll()
    check(echo.transmit(&second) == nil)
    echo.receive(into: &back)
    check(back.count == 8 && back[0].bytes[0] == 2)
  }

  @Test("of a packet in several buffers the first is turned round; a run without its end is refused")
  func runs() throws {
    let region = try Region(byteCount: 64 * 128)
    var echo = EchoPort<Frame>()
    try echo.register(region)
    var burst = try frames(4, region)
    burst[0].flags = []
    burst[1].flags = []
    burst[3].flags = []
    check(echo.transmit(&burst) == .incompleteRun && burst.count == 1)
    burst.releaseAll()
    echo.receive(into: &burst)
    check(burst.count == 3 && burst[0].bytes[0] == 2 && burst[1].bytes[0] == 1 && burst[2].bytes[0] == 1)
    var reports: [StageReport] = []
    echo.report(into: &reports)
    #expect(reports[0].received.packets == 1 && reports[0].received.bytes == 42)
    burst.releaseAll()
    // Too short for addresses: all of its buffers come back as sent.
    burst.append(try take(region.buffer(byteCount: 64)))
    burst[0].flags = []
    burst.append(try take(region.buffer(byteCount: 64)))
    check(echo.transmit(&burst) == nil)
    echo.receive(into: &burst)
    check(burst.isEmpty)
    echo.complete(into: &burst)
    check(burst.count == 2)
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
