import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

/// RFC 768, RFC 1122 § 4.1.
@Suite("UDP: one datagram") struct UDPEngineTests {
  static let peer = IPv4Address(10, 0, 0, 1)
  static let host = IPv4Address(10, 0, 0, 2)

  /// A received packet: IP header in the headroom as IP leaves it, valid part = `payload`.
  private func packet(
    _ payload: [UInt8], _ region: borrowing Region, protocol: IPProtocol = .udp, isBroadcast: Bool = false,
    bufferByteCount: Int = 2048
  ) throws -> Buffer {
    var buffer = try take(region.buffer(byteCount: bufferByteCount))
    check(buffer.fill(from: payload.span, headroom: 84))
    check(buffer.prepend(20))
    var bytes = buffer.mutableBytes
    IPv4Header(source: Self.peer, destination: Self.host, protocol: `protocol`, payloadByteCount: payload.count)
      .emit(into: &bytes)
    check(buffer.trimFront(20))
    buffer.packetMetadata = PacketMetadata(
      source: Self.peer, destination: Self.host, protocol: `protocol`, isBroadcast: isBroadcast, headerByteCount: 20)
    return buffer
  }

  private func datagram(_ payload: [UInt8], to port: UInt16 = 7, checksum: Bool = true) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 8) + payload
    var span = bytes.mutableSpan
    let header = UDPHeader(sourcePort: 4000, destinationPort: port, payloadByteCount: payload.count)
    header.emit(into: &span, source: Self.peer, destination: Self.host)
    if !checksum { (bytes[6], bytes[7]) = (0, 0) }
    return bytes
  }

  /// What becomes of one packet: the drop it is counted under, or nil with the payload that goes up.
  private func receive(
    _ bytes: [UInt8], protocol: IPProtocol = .udp, isBroadcast: Bool = false, bufferByteCount: Int = 2048
  ) throws -> (drop: String?, payload: [UInt8], isAnswered: Bool) {
    let region = try Region(byteCount: 4096)
    var engine = UDPEngine(ports: [7, 9])
    var burst = Burst()
    burst.append(
      try packet(bytes, region, protocol: `protocol`, isBroadcast: isBroadcast, bufferByteCount: bufferByteCount))
    let ended = engine.receive(&burst, from: 0)
    let report = engine.report()
    check((ended == 0) == report.drops.isEmpty)
    check(report.received.packets == (ended == 0 ? 1 : 0))
    let payload = (0..<burst[0].validByteCount).map { burst[0].bytes[$0] }
    return (report.drops.first?.name, payload, burst[0].flags.contains(.reply))
  }

  @Test("of every length goes up with its payload and its addresses", arguments: [0, 1, 2, 63, 64, 65, 1471, 1472])
  func delivered(count: Int) throws {
    let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let result = try receive(datagram(payload))
    #expect(result.drop == nil)
    #expect(result.payload == payload)
    let region = try Region(byteCount: 4096)
    var engine = UDPEngine(ports: [7])
    var burst = Burst()
    burst.append(try packet(datagram(payload), region))
    _ = engine.receive(&burst, from: 0)
    let metadata = burst[0].datagramMetadata
    let expected = DatagramMetadata(
      source: Self.peer, sourcePort: 4000, destination: Self.host, destinationPort: 7)
    #expect(metadata == expected)
  }

  @Test("without a checksum is accepted")
  func noChecksum() throws {
    let result = try receive(datagram([1, 2, 3], checksum: false))
    #expect(result.drop == nil)
    #expect(result.payload == [1, 2, 3])
  }

  @Test("what follows it in its packet is not part of it")
  func tail() throws {
    let result = try receive(datagram([1, 2, 3]) + [9, 9, 9, 9])
    #expect(result.drop == nil)
    #expect(result.payload == [1, 2, 3])
  }

  /// A defect of the published C code: a UDP length of 0 underflowed and passed the outer check.
  @Test(
    "failure 3, defect: a UDP length of 0 underflows. With a length that cannot be it is dropped",
    arguments: [0, 1, 7, 12, 13, 65_535] as [UInt16])
  func badLength(length: UInt16) throws {
    var bytes = datagram([1, 2, 3])
    (bytes[4], bytes[5]) = (UInt8(length >> 8), UInt8(length & 0xFF))
    let result = try receive(bytes)
    #expect(result.drop == "bad-udp-length")
  }

  @Test("cut off in its header is dropped", arguments: 0..<8)
  func truncated(count: Int) throws {
    let result = try receive(Array(datagram([1, 2, 3]).prefix(count)))
    #expect(result.drop == "truncated")
  }

  @Test("with any bit turned is dropped, or is another right one")
  func bits() throws {
    let right = datagram([1, 2, 3, 4, 5])
    for bit in 0..<(right.count * 8) {
      var bytes = right
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      let result = try receive(bytes)
      #expect(result.drop == "bad-udp-checksum" || result.drop == "bad-udp-length", "bit \(bit)")
    }
  }

  @Test("for a closed port becomes port unreachable, unless it was a broadcast")
  func closedPort() throws {
    let result = try receive(datagram([1, 2, 3], to: 8))
    #expect(result.drop == "closed-port")
    #expect(result.isAnswered)
    #expect(Array(result.payload.prefix(2)) == [3, 3])
    // The quote: the IP header and the first eight bytes of the datagram.
    #expect(Array(result.payload[28..<36]) == Array(datagram([1, 2, 3], to: 8).prefix(8)))
    let broadcast = try receive(datagram([1, 2, 3], to: 8), isBroadcast: true)
    #expect(broadcast.drop == "closed-port")
    #expect(!broadcast.isAnswered)
  }

  @Test("a port that closes and opens while datagrams come")
  func changingPorts() throws {
    let region = try Region(byteCount: 4096)
    let ports: PortSet = [7]
    var engine = UDPEngine(ports: ports)
    func ended() throws -> UInt32 {
      var burst = Burst()
      burst.append(try packet(datagram([1]), region))
      burst.append(try packet(datagram([2]), region))
      return engine.receive(&burst, from: 0)
    }
    #expect(try ended() == 0)
    ports.remove(7)
    #expect(try ended() == 0b11)
    #expect(engine.report().drops == [StageReport.Count("closed-port", 2)])
    ports.insert(7)
    #expect(try ended() == 0)
  }

  @Test("errors are rate-limited, and what was not sent is counted")
  func rateLimit() throws {
    let region = try Region(byteCount: 4096)
    var engine = UDPEngine(ports: [7])
    for _ in 0..<60 {
      var burst = Burst()
      // Where no error is allowed, none is counted against the limit.
      burst.append(try packet(datagram([], to: 8), region, isBroadcast: true))
      burst.append(try packet(datagram([], to: 8), region))
      _ = engine.receive(&burst, from: 0)
    }
    var counters = engine.report().counters
    #expect(counters.first { $0.name == "icmp-errors-made" }?.value == 50)
    #expect(counters.first { $0.name == "icmp-rate-limited" }?.value == 10)
    engine.now = MonotonicTime(nanoseconds: 5_000_000)
    for _ in 0..<10 {
      var burst = Burst()
      burst.append(try packet(datagram([], to: 8), region))
      _ = engine.receive(&burst, from: 0)
    }
    counters = engine.report().counters
    #expect(counters.first { $0.name == "icmp-errors-made" }?.value == 55)
  }

  @Test("failure 10: of another protocol, without metadata, or in a chain, it is dropped under its own name")
  func others() throws {
    #expect(try receive([1, 2, 3], protocol: .icmp).drop == "not-udp")
    #expect(try receive(datagram([1]), bufferByteCount: 511).drop == "no-headroom")
    let region = try Region(byteCount: 8192)
    var engine = UDPEngine(ports: [7])
    var burst = Burst()
    for index in 0..<3 {
      var buffer = try packet(datagram([1]), region)
      buffer.flags = index == 1 ? .last : []
      if index == 2 { buffer.flags = .last }
      burst.append(buffer)
    }
    // A chain of two and a single one.
    let ended = engine.receive(&burst, from: 0)
    #expect(ended == 0b011)
    #expect(engine.report().drops == [StageReport.Count("chained", 1)])
    check(burst[0].flags == .last)
  }

  @Test("a chain that a burst cuts in two is still one packet")
  func chainAcrossBursts() throws {
    let region = try Region(byteCount: 8192)
    var engine = UDPEngine(ports: [7])
    var first = Burst()
    first.append(try packet(datagram([1]), region))
    first[0].flags = []
    var second = Burst()
    second.append(try packet(datagram([2]), region))
    second.append(try packet(datagram([3]), region))
    let ended = (engine.receive(&first, from: 0), engine.receive(&second, from: 0))
    #expect(ended == (0b1, 0b1))
    #expect(engine.report().drops == [StageReport.Count("chained", 1)])
  }

  @Test("sent has a header and a checksum that are right, and is refused where it cannot be sent")
  func transmit() throws {
    let region = try Region(byteCount: 8192)
    var engine = UDPEngine(ports: [7])
    var burst = Burst()
    for (count, headroom) in [(5, 92), (5, 7), (1473, 92)] {
      var buffer = try take(region.buffer(byteCount: 2048))
      check(buffer.setValid(offset: headroom, byteCount: count))
      buffer.datagramMetadata = DatagramMetadata(
        source: Self.host, sourcePort: 7, destination: Self.peer, destinationPort: 4000)
      burst.append(buffer)
    }
    let unsent = engine.transmit(&burst, maximumByteCount: 1472)
    #expect(unsent == 0b110)
    let sent = burst[0].packetMetadata
    #expect(sent.source == Self.host && sent.destination == Self.peer && sent.protocol == .udp)
    switch UDPHeader.parse(burst[0].bytes, source: Self.host, destination: Self.peer) {
    case .success(let header): #expect(header.sourcePort == 7 && header.payloadByteCount == 5)
    case .failure(let error): Issue.record("\(error)")
    }
    #expect(engine.report().drops == [StageReport.Count("no-headroom", 1), StageReport.Count("too-long", 1)])
  }
}
