import CleanQ
import CleanQWire
import TestSupport
import Testing

@testable import CleanQNet

/// The short way of common packets and the slow path come to the same, whatever the packet.
@Suite("IP and UDP: common packets") struct FastPathTests {
  /// A datagram with a checksum, in a frame for us.
  private static func frame(_ payload: [UInt8], to port: UInt16 = 7, checksum: Bool = true) -> [UInt8] {
    var datagram = Frames.udp(payload, to: port)
    var span = datagram.mutableSpan
    if checksum {
      UDPHeader(sourcePort: 4000, destinationPort: port, payloadByteCount: payload.count)
        .emit(into: &span, source: Frames.peer, destination: Frames.ours)
    }
    return Frames.ethernet(Frames.ip(datagram))
  }

  /// A frame, with up to three bytes changed: mostly in the headers; every second time the IP checksum is made right again.
  private static func variant(_ random: inout some RandomNumberGenerator) -> [UInt8] {
    let payload = (0..<Int.random(in: 0...40, using: &random)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var frame = frame(payload, to: Bool.random(using: &random) ? 7 : 8, checksum: Bool.random(using: &random))
    frame += [UInt8](repeating: 0, count: Int.random(in: 0...3, using: &random))
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let index = Int.random(in: 0..<min(46, frame.count), using: &random)
      let values = [0, 1, 0x7F, 0xFF, UInt8.random(in: 0...255, using: &random), frame[index] ^ 1 << 5]
      frame[index] = values.randomElement(using: &random) ?? 0
    }
    if Bool.random(using: &random) {
      (frame[24], frame[25]) = (0, 0)
      let sum = Frames.checksum([UInt8](frame[14..<34]))
      (frame[24], frame[25]) = (UInt8(sum >> 8), UInt8(sum & 0xFF))
    }
    if Int.random(in: 0..<16, using: &random) == 0 { frame.removeLast(Int.random(in: 0..<frame.count, using: &random)) }
    return frame
  }

  @Test("received by the slow path too, come out the same", arguments: 1...4 as ClosedRange<UInt64>)
  func received(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var delivered = 0
    for _ in 0..<3000 {
      let frame = Self.variant(&random)
      let headroom = [50, 50, 50, 32, 31].randomElement(using: &random) ?? 50
      let flags: BufferFlags = Int.random(in: 0..<8, using: &random) == 0 ? [.last, .reply] : .last
      var short = try IPHost()
      try short.receive(frame, headroom: headroom, flags: flags)
      var long = try IPHost()
      var buffer = try long.buffer(frame, headroom: headroom, flags: flags)
      let fate = long.engine.accept(&buffer)
      #expect(short.filled.count == (fate == .deliver ? 1 : 0), "seed \(seed): \(frame)")
      #expect(short.engine.backlog.toTransmit.count == (fate == .answer ? 1 : 0), "seed \(seed): \(frame)")
      #expect(short.engine.counters.isSame(as: long.engine.counters), "seed \(seed): \(frame)")
      if fate == .deliver, short.filled.count == 1 {
        delivered += 1
        check(Same(short.filled[0]) == Same(buffer), "seed \(seed): \(frame)")
      }
    }
    #expect(delivered > 300)
  }

  @Test("of several senders in one burst, among others, come out the same", arguments: 1...4 as ClosedRange<UInt64>)
  func receivedInBursts(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var short = try IPHost()
    var long = try IPHost()
    for round in 0..<150 {
      for _ in 0..<Int.random(in: 1...Burst.capacity, using: &random) {
        var frame = Int.random(in: 0..<8, using: &random) == 0 ? Self.variant(&random) : Self.frame([1, 2, 3])
        // Another station or another host, whose header checksum follows.
        if Bool.random(using: &random), frame.count >= 34 {
          frame[11] = UInt8.random(in: 1...3, using: &random)
          frame[29] = UInt8.random(in: 0...3, using: &random)
          (frame[24], frame[25]) = (0, 0)
          let sum = Frames.checksum([UInt8](frame[14..<34]))
          (frame[24], frame[25]) = (UInt8(sum >> 8), UInt8(sum & 0xFF))
        }
        short.engine.backlog.toReceive.append(try short.buffer(frame))
        var buffer = try long.buffer(frame)
        switch long.engine.accept(&buffer) {
        case .deliver: long.filled.append(buffer)
        case .answer, .end: buffer.release()
        }
      }
      short.engine.receive(into: &short.filled)
      check(
        short.engine.backlog.toReceive.isEmpty && short.filled.count == long.filled.count,
        "seed \(seed), round \(round)")
      for index in 0..<short.filled.count {
        check(Same(short.filled[index]) == Same(long.filled[index]), "seed \(seed), round \(round), packet \(index)")
      }
      #expect(short.engine.counters.isSame(as: long.engine.counters), "seed \(seed), round \(round)")
      short.filled.releaseAll()
      long.filled.releaseAll()
      short.engine.backlog.toFill.releaseAll()
      short.engine.backlog.toTransmit.releaseAll()
    }
  }

  @Test("transmitted by the slow path too, come out the same", arguments: 1...4 as ClosedRange<UInt64>)
  func transmitted(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var short = try IPHost()
    var long = try IPHost()
    try short.receive(Frames.question())
    try long.receive(Frames.question())
    for round in 0..<2000 {
      let payload = (0..<Int.random(in: 0...40, using: &random)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let destination = [Frames.peer, Frames.peer, .limitedBroadcast, .unspecified].randomElement(using: &random)
      let source = [Frames.ours, Frames.ours, .unspecified, IPv4Address(1, 2, 3, 4)].randomElement(using: &random)
      let ttl: UInt8 = [64, 64, 64, 1, 0].randomElement(using: &random) ?? 64
      let headroom = [84, 34, 33].randomElement(using: &random) ?? 84
      let number: UInt8 = [17, 17, 17, 1, 99].randomElement(using: &random) ?? 17
      long.engine.cache.forgetRecent()
      try short.transmit(
        to: destination ?? Frames.peer, from: source ?? Frames.ours, protocol: number, ttl: ttl, headroom: headroom,
        payload)
      try long.transmit(
        to: destination ?? Frames.peer, from: source ?? Frames.ours, protocol: number, ttl: ttl, headroom: headroom,
        payload)
      #expect(short.engine.counters.isSame(as: long.engine.counters), "seed \(seed), round \(round)")
      #expect(short.frames() == long.frames(), "seed \(seed), round \(round)")
      #expect(short.returnedCount() == long.returnedCount())
    }
  }

  @Test("of UDP by the slow path too, come out the same", arguments: 1...4 as ClosedRange<UInt64>)
  func datagrams(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let region = try Region(byteCount: 1 << 16)
    var short = UDPEngine(ports: [7])
    var long = UDPEngine(ports: [7])
    for round in 0..<3000 {
      var datagram = [UInt8](Self.frame([UInt8](repeating: 0x5A, count: round % 70), checksum: round % 3 > 0)[34...])
      if round % 2 == 0 { datagram[Int.random(in: 0..<min(10, datagram.count), using: &random)] ^= 1 }
      if round % 5 == 0 { datagram += [7] }
      let number: IPProtocol = round % 17 == 0 ? .icmp : .udp
      var first = Burst()
      var second = Burst()
      first.append(try packet(datagram, number, region))
      second.append(try packet(datagram, number, region))
      let ended = short.receive(&first, from: 0)
      let drop = long.receive(&second[0])
      #expect((ended == 0) == (drop == nil), "seed \(seed), round \(round)")
      if drop == nil {
        check(Same(first[0]) == Same(second[0]), "seed \(seed), round \(round)")
        let failed = short.transmit(&first, maximumByteCount: 60)
        let failure = long.transmit(&second[0], maximumByteCount: 60)
        #expect((failed == 0) == (failure == nil), "seed \(seed), round \(round)")
        check(Same(first[0]) == Same(second[0]), "seed \(seed), round \(round)")
      }
      first.releaseAll()
      second.releaseAll()
    }
    #expect(short.report().received == long.report().received)
    #expect(short.report().transmitted == long.report().transmitted)
  }

  @Test(
    "of UDP to several ports, in buffers of two regions, come out the same", arguments: 1...4 as ClosedRange<UInt64>)
  func datagramsInBursts(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let regions = try Two(Region(byteCount: 1 << 17), Region(byteCount: 1 << 17))
    var short = UDPEngine(ports: [7, 9])
    var long = UDPEngine(ports: [7, 9])
    for round in 0..<200 {
      var burst = Burst()
      var one = Burst()
      for _ in 0..<Int.random(in: 1...Burst.capacity, using: &random) {
        let port: UInt16 = [7, 7, 7, 9, 8].randomElement(using: &random) ?? 7
        let count = Int.random(in: 0...300, using: &random)
        let datagram = [UInt8](Self.frame([UInt8](repeating: 0x5A, count: count), to: port)[34...])
        let isFirst = Bool.random(using: &random)
        burst.append(try isFirst ? packet(datagram, .udp, regions.first) : packet(datagram, .udp, regions.second))
        one.append(try packet(datagram, .udp, regions.first))
      }
      let ended = short.receive(&burst, from: 0)
      var sent = Burst()
      for index in 0..<one.count {
        let drop = long.receive(&one[index])
        #expect((ended & 1 << UInt32(index) != 0) == (drop != nil), "seed \(seed), round \(round), packet \(index)")
        if drop == nil {
          check(Same(burst[index]) == Same(one[index]), "seed \(seed), round \(round), packet \(index)")
        }
      }
      burst.move(ended, to: &sent)
      sent.releaseAll()
      one.move(ended, to: &sent)
      let failed = short.transmit(&burst, maximumByteCount: 250)
      for index in 0..<one.count {
        let drop = long.transmit(&one[index], maximumByteCount: 250)
        #expect((failed & 1 << UInt32(index) != 0) == (drop != nil), "seed \(seed), round \(round), packet \(index)")
        check(Same(burst[index]) == Same(one[index]), "seed \(seed), round \(round), packet \(index)")
      }
      sent.releaseAll()
      burst.releaseAll()
      one.releaseAll()
    }
    #expect(short.report().received == long.report().received)
    #expect(short.report().transmitted == long.report().transmitted)
  }

  private func packet(_ bytes: [UInt8], _ number: IPProtocol, _ region: borrowing Region) throws -> Buffer {
    var buffer = try take(region.buffer(byteCount: 512))
    check(buffer.fill(from: bytes.span, headroom: 84))
    buffer.packetMetadata = PacketMetadata(
      source: Frames.peer, destination: Frames.ours, protocol: number, headerByteCount: 20)
    return buffer
  }
}

/// Two regions.
private struct Two: ~Copyable {
  let first: Region
  let second: Region

  init(_ first: consuming Region, _ second: consuming Region) {
    self.first = first
    self.second = second
  }
}

/// What has to be the same of two buffers.
private struct Same: Equatable {
  let packet: PacketMetadata
  let datagram: DatagramMetadata
  let headroom: Int
  let bytes: [UInt8]
  let flags: BufferFlags

  init(_ buffer: borrowing Buffer) {
    packet = buffer.packetMetadata
    datagram = buffer.datagramMetadata
    headroom = buffer.headroom
    bytes = buffer.array
    flags = buffer.flags
  }
}

extension IPCounters {
  fileprivate func isSame(as other: IPCounters) -> Bool {
    received == other.received && transmitted == other.transmitted && consumed == other.consumed
      && IPDropReason.allCases.allSatisfy { self[$0] == other[$0] }
  }
}
