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
    let bytes: [UInt8] = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    check(frame.fill(from: bytes.span))
    let guardian = EchoGuard(answersServices: true)
    let isFrameTurned = guardian.turn(&frame, as: Frame.self)
    let turned = (0..<14).map { frame.bytes[$0] }
    #expect(isFrameTurned && turned == [7, 8, 9, 10, 11, 12, 0, 2, 3, 4, 5, 6, 13, 14])

    let peer = IPv4Address(10, 0, 0, 1)
    let host = IPv4Address(10, 0, 0, 2)
    frame.packetMetadata = PacketMetadata(source: peer, destination: host, protocol: .udp, timeToLive: 3)
    let isPacketTurned = guardian.turn(&frame, as: Packet.self)
    let packet = frame.packetMetadata
    #expect(isPacketTurned && packet == PacketMetadata(source: host, destination: peer, protocol: .udp))

    frame.datagramMetadata = DatagramMetadata(source: peer, sourcePort: 1, destination: host, destinationPort: 2)
    let isDatagramTurned = guardian.turn(&frame, as: Datagram.self)
    let datagram = frame.datagramMetadata
    #expect(
      isDatagramTurned
        && datagram == DatagramMetadata(source: host, sourcePort: 2, destination: peer, destinationPort: 1))
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
    let reports = echo.report().stages
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
    for index in 0..<second.count { if second[index].bytes[0] != 4 { left = false } }
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
    check(echo.transmit(&burst) == .incompleteChain && burst.count == 1)
    burst.releaseAll()
    echo.receive(into: &burst)
    check(burst.count == 3 && burst[0].bytes[0] == 2 && burst[1].bytes[0] == 4 && burst[2].bytes[0] == 4)
    let reports = echo.report().stages
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

  /// What one datagram comes to: echoed, or dropped under a reason.
  private func outcome(
    _ guardian: EchoGuard = EchoGuard(), from port: UInt16 = 40_000, isBroadcast: Bool = false, isChained: Bool = false
  ) throws -> String {
    let region = try Region(byteCount: 4096)
    var echo = EchoPort<Datagram>(guardian)
    try echo.register(region)
    var burst = Burst()
    var buffer = try take(region.buffer(byteCount: 2048))
    check(buffer.setValid(offset: 92, byteCount: 5))
    let (peer, host) = (IPv4Address(10, 0, 0, 1), IPv4Address(10, 0, 0, 2))
    buffer.packetMetadata = PacketMetadata(
      source: peer, destination: host, protocol: .udp, isBroadcast: isBroadcast, headerByteCount: 20)
    buffer.datagramMetadata = DatagramMetadata(
      source: peer, sourcePort: port, destination: host, destinationPort: 7)
    if isChained { buffer.flags = [] }
    burst.append(buffer)
    if isChained { burst.append(try take(region.buffer(byteCount: 64))) }
    let count = burst.count
    check(echo.transmit(&burst) == nil && burst.isEmpty)
    let reports = echo.report().stages
    echo.receive(into: &burst)
    if burst.count == count {
      check(reports[0].drops.isEmpty && burst[0].datagramMetadata.destinationPort == port)
      return "echoed"
    }
    check(burst.isEmpty && reports[0].received.packets == 0)
    echo.complete(into: &burst)
    check(burst.count == count && reports[0].drops.count == 1 && reports[0].drops[0].value == 1)
    return reports[0].drops[0].name
  }

  @Test("a datagram that could make the service one side of a loop, or an amplifier, is dropped under its own reason")
  func guarded() throws {
    for port in [1, 7, 13, 17, 19, 37, 53, 69, 123, 161, 389, 1023, 1900, 2049, 5353, 11211] as [UInt16] {
      #expect(try outcome(from: port) == "service-source-port", "port \(port)")
      #expect(try outcome(from: port, isChained: true) == "service-source-port", "port \(port), chained")
      #expect(try outcome(EchoGuard(answersServices: true), from: port) == "echoed", "port \(port)")
    }
    for port in [1024, 4000, 32_768, 60_999, 65_535] as [UInt16] { #expect(try outcome(from: port) == "echoed") }
    let own = EchoGuard(ownPorts: [7, 4007])
    #expect(try outcome(own, from: 4007) == "own-source-port" && outcome(own, from: 7) == "own-source-port")
    #expect(try outcome(own, from: 4008) == "echoed")
    #expect(try outcome(EchoGuard(answersServices: true, ownPorts: [4007]), from: 4007) == "echoed")
    // One that is opened later is the host's own too.
    let ports: PortSet = []
    let later = EchoGuard(ownPorts: ports)
    #expect(try outcome(later, from: 4007) == "echoed")
    ports.insert(4007)
    #expect(try outcome(later, from: 4007) == "own-source-port")
    for guardian in [EchoGuard(), EchoGuard(answersServices: true)] {
      #expect(try outcome(guardian, from: 0) == "zero-source-port")
      #expect(try outcome(guardian, isBroadcast: true) == "broadcast")
      #expect(try outcome(guardian, isBroadcast: true, isChained: true) == "broadcast")
    }
  }

  @Test("frames and packets to groups are not answered")
  func groups() throws {
    let region = try Region(byteCount: 8192)
    var frames = EchoPort<Frame>()
    try frames.register(region)
    var burst = Burst()
    var frame = try take(region.buffer(byteCount: 64))
    check(frame.fill(from: ([0x33, 0x33, 0, 0, 0, 1] + [2, 0, 0, 0, 0, 2, 8, 0] as [UInt8]).span))
    burst.append(frame)
    var packets = EchoPort<Packet>()
    try packets.register(region)
    var packet = try take(region.buffer(byteCount: 512))
    check(packet.setValid(offset: 64, byteCount: 5))
    packet.packetMetadata = PacketMetadata(
      source: IPv4Address(10, 0, 0, 1), destination: .limitedBroadcast, protocol: .udp, isBroadcast: true)
    check(frames.transmit(&burst) == nil)
    burst.append(packet)
    check(packets.transmit(&burst) == nil)
    frames.receive(into: &burst)
    packets.receive(into: &burst)
    check(burst.isEmpty)
    let reports = frames.report().stages + packets.report().stages
    #expect(reports.allSatisfy { $0.drops == [StageReport.Count("broadcast", 1)] })
  }

  private func frames(_ count: Int, _ region: borrowing Region) throws -> Burst {
    var burst = Burst()
    for _ in 0..<count {
      var buffer = try take(region.buffer(byteCount: 64))
      check(buffer.setValid(offset: 0, byteCount: 14))
      var bytes = buffer.mutableBytes
      bytes[0] = 4
      bytes[6] = 2
      burst.append(buffer)
    }
    return burst
  }
}
