import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

@Suite("UDP on a port of packets") struct UDPPortTests {
  private func port(_ region: borrowing Region) throws -> UDPPort<LoopbackPort<Packet>> {
    var port = UDPPort(on: LoopbackPort<Packet>(), ports: [7])
    try port.register(region)
    return port
  }

  private func datagram(_ region: borrowing Region, flags: BufferFlags = .last) throws -> Buffer {
    var buffer = try take(region.buffer(byteCount: 512))
    check(buffer.setValid(offset: 92, byteCount: 5))
    buffer.flags = flags
    buffer.datagramMetadata = DatagramMetadata(
      source: IPv4Address(10, 0, 0, 2), sourcePort: 9, destination: IPv4Address(10, 0, 0, 1), destinationPort: 7)
    return buffer
  }

  @Test("a buffer of an unknown region, and a run without its end, are refused as they are; what is in front is taken")
  func refusals() throws {
    let region = try Region(byteCount: 1 << 14)
    let stranger = try Region(byteCount: 1 << 14)
    var port = try port(region)
    var burst = Burst()
    burst.append(try datagram(region))
    burst.append(try datagram(stranger))
    burst.append(try datagram(region))
    let names = [burst[1].name, burst[2].name]
    check(port.transmit(&burst) == .unknownRegion && burst.count == 2)
    check(burst[0].name == names[0] && burst[1].name == names[1])
    burst.releaseAll()
    burst.append(try datagram(region))
    burst.append(try datagram(region, flags: []))
    check(port.transmit(&burst) == .incompleteChain && burst.count == 1 && burst[0].headroom == 92)
    burst.releaseAll()
    port.lower.receive(into: &burst)
    check(burst.count == 2 && burst[0].headroom == 84)
    burst.releaseAll()
    #expect(port.engine.report().drops.isEmpty)
  }

  @Test("a datagram in several buffers comes back, every buffer of it, and is counted once")
  func chained() throws {
    let region = try Region(byteCount: 1 << 14)
    var port = try port(region)
    var burst = Burst()
    for flags in [[], [], .last, .last] as [BufferFlags] { burst.append(try datagram(region, flags: flags)) }
    check(port.transmit(&burst) == nil && burst.isEmpty)
    port.complete(into: &burst)
    check(burst.count == 3)
    for index in 0..<3 { check(burst[index].flags == .last) }
    burst.releaseAll()
    port.lower.receive(into: &burst)
    check(burst.count == 1)
    burst.releaseAll()
    #expect(port.engine.report().drops == [StageReport.Count("chained", 1)])
  }

  @Test("what the port below takes no more is kept and goes first; nothing is taken meanwhile")
  func full() throws {
    let region = try Region(byteCount: 1 << 16)
    var port = try port(region)
    var burst = Burst()
    for _ in 0..<Burst.capacity { burst.append(try datagram(region)) }
    check(port.transmit(&burst) == nil)
    for _ in 0..<2 { burst.append(try datagram(region)) }
    check(port.transmit(&burst) == nil && port.backlog.toTransmit.count == 2)
    burst.append(try datagram(region))
    check(port.transmit(&burst) == .full && burst.count == 1 && burst[0].headroom == 92)
    var packets = Burst()
    port.lower.receive(into: &packets)
    packets.releaseAll()
    check(port.transmit(&burst) == nil && burst.isEmpty)
    port.lower.receive(into: &packets)
    check(packets.count == 3)
    packets.releaseAll()
  }
}
