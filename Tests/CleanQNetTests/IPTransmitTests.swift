import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet
@testable import CleanQNetStages

@Suite("IP: the end of a run") struct IPStopTests {
  @Test("what waits for a neighbour when the pipeline stops ends under a reason, and nothing waits after")
  func quiesce() throws {
    var host = try IPHost()
    try host.transmit()
    try host.transmit(to: IPv4Address(10, 0, 0, 9))
    host.engine.quiesce()
    try host.transmit()
    try host.transmit(to: IPv4Address(10, 0, 0, 10))
    #expect(host.drops(.arpStopped) == 4 && host.engine.pending.count == 0)
    #expect(host.returnedCount() == 4)
  }

  @Test("what is set aside for questions goes back to its region and does not count as astray")
  func spares() throws {
    let region = try Region(byteCount: 1 << 16)
    do {
      var port = try IPPort(on: LoopbackPort<Frame>(), IPConfiguration(address: "10.0.0.2/24"))
      try port.register(region)
      var burst = Burst()
      for _ in 0..<4 { burst.append(try take(region.buffer(byteCount: 2048))) }
      check(port.fill(&burst) == nil && port.engine.spares.burst.count == 4)
      port.quiesce()
    }
    #expect(region.liveBufferCount == 0 && region.leakedBufferCount == 0)
  }

  @Test("the headroom that a datagram needs is UDP.headroom, and no byte more")
  func headroom() throws {
    let region = try Region(byteCount: 1 << 16)
    for (headroom, isSent) in [(UDP.headroom, true), (UDP.headroom - 1, false)] {
      let ip = try IPPort(on: LoopbackPort<Frame>(), IPConfiguration(address: "10.0.0.2/24"))
      var port = UDPPort(on: ip, ports: [7])
      try port.register(region)
      var burst = Burst()
      var buffer = try take(region.buffer(byteCount: 512))
      check(buffer.setValid(offset: headroom, byteCount: 5))
      buffer.datagramMetadata = DatagramMetadata(
        source: .unspecified, sourcePort: 7, destination: .limitedBroadcast, destinationPort: 4000)
      burst.append(buffer)
      check(port.transmit(&burst) == nil && burst.isEmpty)
      port.lower.lower.receive(into: &burst)
      #expect((burst.count == 1) == isSent)
      burst.releaseAll()
    }
    #expect(IP.headroom == 34 && UDP.headroom == 42)
  }
}

@Suite("IP: packets to be sent") struct IPTransmitTests {
  /// A host that knows its neighbour.
  private func host(gateway: String? = nil, mtu: Int = 1500) throws -> IPHost {
    var host = try IPHost(gateway: gateway, mtu: mtu)
    try host.receive(Frames.question())
    _ = host.frames()
    return host
  }

  /// What an IP header with identification 0 looks like.
  private func header(
    to destination: IPv4Address = Frames.peer, protocol number: UInt8 = 17, ttl: UInt8 = 64, byteCount: Int
  ) -> [UInt8] {
    var header: [UInt8] = [0x45, 0] + Frames.word(UInt16(20 + byteCount)) + [0, 0, 0x40, 0, ttl, number, 0, 0]
    header += Frames.bytes(Frames.ours) + Frames.bytes(destination)
    let sum = Frames.checksum(header)
    header[10] = UInt8(sum >> 8)
    header[11] = UInt8(sum & 0xFF)
    return header
  }

  @Test("a packet gets its headers, byte for byte", arguments: [0, 1, 64, 255] as [UInt8])
  func golden(ttl: UInt8) throws {
    var host = try host()
    let payload = Frames.udp([UInt8](repeating: 7, count: 100))
    try host.transmit(ttl: ttl, payload)
    let packet = header(ttl: ttl == 0 ? 64 : ttl, byteCount: payload.count) + payload
    #expect(host.frames() == [Frames.ethernet(to: Frames.peerMAC, from: Frames.ourMAC, packet)])
    #expect(host.engine.counters.transmitted.packets == 1)
    #expect(host.engine.counters.transmitted.bytes == UInt64(payload.count))
    #expect(host.returnedCount() == 1)
  }

  @Test("broadcasts go to all, without a question")
  func broadcast() throws {
    var host = try IPHost()
    try host.transmit(to: .limitedBroadcast)
    try host.transmit(to: IPv4Address(10, 0, 0, 255))
    let frames = host.frames()
    #expect(frames.count == 2 && frames.allSatisfy { $0.prefix(6) == [255, 255, 255, 255, 255, 255] })
    #expect(host.engine.cache.usedCount == 0)
  }

  @Test("a packet for another network goes to the gateway, or nowhere")
  func route() throws {
    let far = IPv4Address(192, 0, 2, 1)
    var routed = try host(gateway: "10.0.0.1")
    try routed.transmit(to: far)
    let frame = try #require(routed.frames().first)
    #expect(frame.prefix(6) == Frames.bytes(Frames.peerMAC)[...] && Array(frame[30..<34]) == Frames.bytes(far))
    var alone = try host()
    try alone.transmit(to: far)
    #expect(alone.frames().isEmpty && alone.drops(.noRoute) == 1 && alone.returnedCount() == 1)
  }

  @Test(
    "what has no neighbour at all comes back, counted",
    arguments: ["0.0.0.0", "0.0.0.9", "127.0.0.1", "224.0.0.1", "240.0.0.1", "10.0.0.2", "10.0.0.0"])
  func noRoute(_ text: String) throws {
    var host = try host(gateway: "10.0.0.1")
    try host.transmit(to: try #require(IPv4Address(text)))
    #expect(host.frames().isEmpty && host.drops(.noRoute) == 1 && host.returnedCount() == 1)
  }

  @Test("a packet is as long as the MTU and no longer")
  func mtu() throws {
    var host = try host(mtu: 600)
    #expect(host.engine.maximumPayloadByteCount == 580)
    try host.transmit([UInt8](repeating: 1, count: 580))
    try host.transmit([UInt8](repeating: 1, count: 581))
    #expect(host.frames().map(\.count) == [614] && host.drops(.tooLong) == 1 && host.returnedCount() == 2)
  }

  @Test("headers need 34 bytes of headroom")
  func headroom() throws {
    var host = try host()
    try host.transmit(headroom: 34)
    try host.transmit(headroom: 33)
    try host.transmit(headroom: 0)
    #expect(host.frames().count == 1 && host.drops(.noHeadroom) == 2 && host.returnedCount() == 3)
  }

  @Test("only our own address is sent as a source; a broadcast one is replaced, and the UDP checksum follows")
  func source() throws {
    var host = try host()
    try host.transmit(from: Frames.peer)
    #expect(host.drops(.foreignSource) == 1)
    try host.transmit(from: Frames.ours)
    for source in [IPv4Address(10, 0, 0, 255), .unspecified, .limitedBroadcast] {
      var payload = Frames.udp()
      let pseudo = { (address: IPv4Address) in
        Frames.bytes(address) + Frames.bytes(Frames.peer) + [0, 17] + Frames.word(UInt16(payload.count))
      }
      let sum = Frames.checksum(pseudo(source) + payload)
      payload[6] = UInt8(sum >> 8)
      payload[7] = UInt8(sum & 0xFF)
      try host.transmit(from: source, payload)
      let frame = try #require(host.frames().last)
      #expect(Array(frame[26..<30]) == Frames.bytes(Frames.ours))
      #expect(Frames.checksum(pseudo(Frames.ours) + Array(frame[34...])) == 0)
    }
  }

  @Test("a packet in several buffers comes back, every buffer of it")
  func chained() throws {
    var host = try host()
    try host.transmit(chain: 3)
    try host.transmit()
    #expect(host.drops(.chainedTransmit) == 1 && host.frames().count == 1 && host.returnedCount() == 4)
    #expect(host.engine.counters.transmitted.packets == 2)
  }

  @Test("an answer that a layer above made goes back to the receive queue, sent or not")
  func reply() throws {
    var host = try host()
    try host.transmit(protocol: 1, flags: [.last, .reply])
    try host.transmit(to: IPv4Address(192, 0, 2, 1), protocol: 1, flags: [.last, .reply])
    check(host.engine.backlog.toFill.count == 1 && host.engine.backlog.toFill[0].flags == .last)
    #expect(host.frames().count == 1 && host.returnedCount() == 0 && host.region.liveBufferCount == 4)
  }

  @Test("a full burst below takes nothing from above, and nothing is lost")
  func full() throws {
    var host = try host()
    for _ in 0..<Burst.capacity { try host.transmit(to: .limitedBroadcast) }
    var burst = Burst()
    var packet = try host.buffer(Frames.udp(), headroom: 84)
    packet.packetMetadata = PacketMetadata(source: .unspecified, destination: Frames.peer, protocol: .udp)
    burst.append(packet)
    var left = host.engine.transmit(&burst, 1)
    check(left == 1 && burst.count == 1 && burst[0].headroom == 84)
    #expect(host.frames().count == Burst.capacity)
    #expect(host.returnedCount() == Burst.capacity)
    left = host.engine.transmit(&burst, 1)
    check(left == 0 && burst.isEmpty)
  }
}
