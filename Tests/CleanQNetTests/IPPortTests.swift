import CleanQ
import CleanQTesting
import CleanQPipeline
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

@Suite("IP: the port") struct IPPortTests {
  /// Puts a layer at an end of an interlink.
  private func layer(
    _ end: consuming RingPort<Frame>, _ address: String
  ) throws -> IPPort<RingPort<Frame>> {
    try IPPort(on: end, IPConfiguration(address: address), now: MonotonicTime(nanoseconds: 1))
  }

  @Test("two stacks on an interlink resolve each other and talk; each user gets its own buffers back, and no other's")
  func interlink() throws {
    let region = try Region(byteCount: 1 << 20)
    let pair = try RingPort<Frame>.pair(slotCount: 64)
    var first = try layer(pair.first, "10.0.0.1/24")
    var second = try layer(pair.second, "10.0.0.2/24")
    try first.register(region)
    // The first one's spares; an interlink gets its buffers from what is transmitted.
    var burst = Burst()
    for _ in 0..<4 { burst.append(try take(region.buffer(byteCount: 2048))) }
    first.fill(&burst)
    check(burst.isEmpty)
    var up = Burst()
    var sent = Burst()
    var completedCount = 0
    for round in 0..<50 {
      var packet = try take(region.buffer(byteCount: 2048))
      let fits = packet.fill(from: Frames.udp([UInt8(round)]).span, headroom: 84)
      check(fits)
      // Every other one is of a protocol that the second does not speak: it answers in the same buffer.
      packet.packetMetadata = PacketMetadata(
        source: .unspecified, destination: Frames.ours, protocol: round % 2 == 0 ? .udp : .tcp)
      burst.append(packet)
      first.transmit(&burst)
      check(burst.isEmpty)
      for _ in 0..<8 {
        second.receive(into: &up)
        second.fill(&up)
        second.complete(into: &sent)
        check(sent.isEmpty, "the second user sent nothing")
        first.receive(into: &up)
        check(up.isEmpty, "nothing but answers came back")
        first.complete(into: &sent)
        completedCount += sent.count
        sent.releaseAll()
      }
    }
    #expect(completedCount == 50)
    check(first.engine.spares.burst.count + second.engine.spares.burst.count == region.liveBufferCount)
    #expect(first.engine.counters.arpRequestsSent == 1 && second.engine.counters.received.packets == 25)
    #expect(second.engine.counters.icmpErrorsSent == 25 && first.engine.counters[.icmpIgnored] == 25)
  }

  /// A packet to everybody, of a region.
  private func packet(_ region: borrowing Region) throws -> Buffer {
    var packet = try take(region.buffer(byteCount: 2048))
    check(packet.setValid(offset: 84, byteCount: 100))
    packet.packetMetadata = PacketMetadata(source: .unspecified, destination: .limitedBroadcast, protocol: .udp)
    return packet
  }

  @Test("a buffer of an unknown region, and a run without its end, are refused as they are; what is in front is taken")
  func refusals() throws {
    let region = try Region(byteCount: 1 << 16)
    let stranger = try Region(byteCount: 1 << 16)
    let wire = TestWire()
    var port = try IPPort(on: TestDevice<Frame>(wire), IPConfiguration(address: "10.0.0.2/24"))
    try port.register(region)
    var burst = Burst()
    burst.append(try packet(region))
    burst.append(try packet(stranger))
    burst.append(try packet(region))
    let name = burst[1].name
    check(port.transmit(&burst) == .unknownRegion)
    check(burst.count == 2 && burst[0].name == name && wire.transmittedPacketCount == 1)
    check(port.transmit(&burst) == .unknownRegion && burst.count == 2)
    burst.releaseAll()
    burst.append(try packet(region))
    burst.append(try packet(region))
    burst[1].flags = []
    check(port.transmit(&burst) == .incompleteChain && burst.count == 1 && burst[0].flags == [])
    check(port.transmit(&burst) == .incompleteChain && wire.transmittedPacketCount == 2)
    burst.releaseAll()
    port.complete(into: &burst)
    check(burst.count == 2 && port.engine.counters.transmitDropCount == 0)
    burst.releaseAll()
  }

  @Test("a buffer that the port below accepts and then does not take comes back, counted")
  func disowned() throws {
    let region = try Region(byteCount: 1 << 16)
    let wire = TestWire()
    var port = try IPPort(on: TestDevice<Frame>(wire), IPConfiguration(address: "10.0.0.2/24"))
    wire.claimsEveryRegion = true
    var burst = Burst()
    burst.append(try packet(region))
    port.transmit(&burst)
    check(burst.isEmpty && wire.transmitted.isEmpty)
    port.complete(into: &burst)
    check(burst.count == 1 && port.engine.counters[.unknownRegion] == 1)
    burst.releaseAll()
  }

  /// A port that has received a ping, a packet of another protocol, an ARP request and a datagram for nobody, and has asked
  /// for a neighbour; nothing of it was sent so far.
  private func busyPort(_ region: borrowing Region, _ wire: TestWire) throws -> UDPPort<IPPort<TestDevice<Frame>>> {
    let ip = try IPPort(
      on: TestDevice<Frame>(wire), IPConfiguration(address: "10.0.0.2/24"), now: MonotonicTime(nanoseconds: 1))
    var port = UDPPort(on: ip, ports: [7])
    try port.register(region)
    var burst = Burst()
    for _ in 0..<12 { burst.append(try take(region.buffer(byteCount: 2048))) }
    port.fill(&burst)
    check(burst.isEmpty)
    for frame in [
      Frames.question(), Frames.ethernet(Frames.ip(Frames.udp(to: 9))),
      Frames.ethernet(Frames.ip(protocol: 6, [1, 2, 3, 4])), Frames.ethernet(Frames.ip(protocol: 1, Frames.icmp())),
    ] { wire.put(frame) }
    wire.transmitRefusal = .full
    var datagram = try take(region.buffer(byteCount: 2048))
    check(datagram.setValid(offset: 92, byteCount: 5))
    datagram.datagramMetadata = DatagramMetadata(
      source: .unspecified, sourcePort: 9, destination: IPv4Address(10, 0, 0, 77), destinationPort: 7)
    burst.append(datagram)
    check(port.transmit(&burst) == nil)
    for _ in 0..<4 { port.receive(into: &burst) }
    check(burst.isEmpty && wire.transmitted.isEmpty && wire.waitingCount == 0)
    return port
  }

  /// What the report of the IP layer says was sent: ARP replies, ARP requests, pings answered, ICMP errors; and what the layers
  /// dropped since the port below had closed.
  private func sent(_ port: borrowing UDPPort<IPPort<TestDevice<Frame>>>) -> [UInt64] {
    let reports = port.report().stages
    let names = ["arp-replies-sent", "arp-requests-sent", "icmp-echo-replies", "icmp-errors-sent"]
    return names.map { name in reports[1].counters.first { $0.name == name }?.value ?? 0 }
      + reports.map { report in report.drops.first { $0.name == "closed" }?.value ?? 0 }
  }

  @Test("as sent counts only what the port below has taken; what it will never take is a drop with a reason")
  func countsWhatWasTaken() throws {
    let region = try Region(byteCount: 1 << 20)
    let wire = TestWire()
    var port = try busyPort(region, wire)
    #expect(sent(port) == [0, 0, 0, 0, 0, 0, 0], "what waits is not sent")
    wire.transmitRefusal = nil
    port.notify()
    #expect(sent(port) == [1, 1, 1, 2, 0, 0, 0] && wire.transmittedPacketCount == 5)

    let closedWire = TestWire()
    var closed = try busyPort(region, closedWire)
    closedWire.transmitRefusal = .closed
    closed.notify()
    #expect(sent(closed) == [0, 0, 0, 0, 0, 5, 0] && closedWire.transmitted.isEmpty)
    #expect(closed.lower.engine.counters.icmpEchoRequestsReceived == 1)
    for _ in 0..<2 {
      port.lower.lower.releaseFreeBuffers()
      closed.lower.lower.releaseFreeBuffers()
    }
  }

  @Test("the layer answers for the payload's length, its own address and its books")
  func facts() throws {
    var port = try IPPort(on: TestDevice<Frame>(), IPConfiguration(address: "10.0.0.2/24"))
    let link = port.capabilities.link
    #expect(link == .init(maximumPacketByteCount: 1480, hardwareAddress: 0x0200_0A00_0002))
    let reports = port.report().stages
    #expect(reports.map(\.name) == ["test-device", "ip"] && reports[1].drops.isEmpty)
    let isIdle = port.arm()
    #expect(isIdle)
  }

  @Test("the Ethernet address is the one that was chosen, else the device's, else one made from the IP address")
  func ethernetAddress() throws {
    func address(chosen: String?, device: UInt64?) throws -> UInt64? {
      let wire = TestWire()
      wire.capabilities.link.hardwareAddress = device
      let port = try IPPort(on: TestDevice<Frame>(wire), IPConfiguration(address: "10.0.0.2/24", mac: chosen))
      return port.capabilities.link.hardwareAddress
    }
    #expect(try address(chosen: nil, device: nil) == 0x0200_0A00_0002)
    #expect(try address(chosen: nil, device: 0x5254_0012_3456) == 0x5254_0012_3456)
    #expect(try address(chosen: nil, device: 0x0100_5E00_0001) == 0x0200_0A00_0002, "a group's")
    #expect(try address(chosen: "02:11:22:33:44:55", device: 7) == 0x0211_2233_4455)
  }

  @Test("over an interlink to another thread the facts of the device are known")
  func factsOverInterlink() throws {
    let device = TestDevice<Frame>()
    device.wire.capabilities.link.hardwareAddress = 0x5254_0012_3456
    var interlink = try RingPort<Frame>.pair(slotCount: 2)
    var link = interlink.second.capabilities.link
    #expect(link.hardwareAddress == nil)
    interlink.second.link = device.capabilities.link
    link = interlink.second.capabilities.link
    #expect(link == .init(maximumPacketByteCount: 1514, hardwareAddress: 0x5254_0012_3456))
  }

  @Test("nothing wakes the loop in vain, and the clock never stands still for long")
  func clock() throws {
    var port = try IPPort(on: TestDevice<Frame>(), IPConfiguration(address: "10.0.0.2/24"))
    let now = MonotonicTime(nanoseconds: 5_000_000_000)
    let next = port.advance(to: now)
    #expect(next > now && next <= now.advanced(byMilliseconds: 1000))
  }
}
