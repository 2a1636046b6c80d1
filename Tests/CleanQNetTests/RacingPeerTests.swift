import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

/// Addresses, ports and lengths that a layer uses are those that it checked, whoever rewrites the packet meanwhile.
@Suite("A peer that rewrites buffers while they are looked at", .serialized) struct RacingPeerTests {
  private static let headroom = 50

  private struct Sender {
    var address: IPv4Address
    var ttl: UInt8
    var port: UInt16
    var byteCount: Int

    var datagram: [UInt8] {
      var bytes = Frames.udp([UInt8](repeating: 0, count: byteCount), from: port)
      let pseudo =
        Frames.bytes(address) + Frames.bytes(Frames.ours) + Frames.word(17) + Frames.word(UInt16(bytes.count))
      let sum = Frames.checksum(pseudo + bytes)
      (bytes[6], bytes[7]) = (UInt8(sum >> 8), UInt8(sum & 0xFF))
      return bytes
    }

    var packet: [UInt8] { Frames.ip(from: address, ttl: ttl, datagram) }

    /// With padding to the same length for all.
    var frame: [UInt8] {
      let frame = Frames.ethernet(packet)
      return frame + [UInt8](repeating: 0, count: 80 - frame.count)
    }
  }

  private static let senders = [
    Sender(address: IPv4Address(10, 0, 0, 1), ttl: 64, port: 4000, byteCount: 5),
    Sender(address: IPv4Address(10, 0, 0, 170), ttl: 63, port: 4321, byteCount: 9),
  ]
  /// Nobody's.
  private static let forged = Sender(address: IPv4Address(10, 0, 0, 255), ttl: 63, port: 4111, byteCount: 7)

  /// Every way to take each byte that differs from one or the other.
  private static func mixtures(_ first: [UInt8], _ second: [UInt8]) -> [[UInt8]] {
    let places = first.indices.filter { first[$0] != second[$0] }
    return (0..<1 << places.count).map { choice in
      var mixture = first
      for (bit, place) in places.enumerated() where choice >> bit & 1 == 1 { mixture[place] = second[place] }
      return mixture
    }
  }

  @Test("the frames of these tests have no mixture that a checksum would not find")
  func mixtures() {
    let all = Self.senders + [Self.forged]
    for (first, second) in [(all[0], all[1]), (all[0], all[2]), (all[1], all[2])] {
      let headers = Self.mixtures(Array(first.packet[..<20]), Array(second.packet[..<20]))
      #expect(headers.filter { Frames.checksum($0) == 0 }.count == 2)
      let datagrams = Self.mixtures(Array(first.datagram[..<8]), Array(second.datagram[..<8]))
      for sender in [first, second] {
        let right = datagrams.filter { bytes in
          let length = UInt16(bytes[4]) << 8 | UInt16(bytes[5])
          let pseudo = Frames.bytes(sender.address) + Frames.bytes(Frames.ours) + [0, 17] + Frames.word(length)
          return Frames.checksum(pseudo + bytes) == 0
        }
        #expect(right == [Array(sender.datagram[..<8])])
      }
    }
  }

  /// Gives the frame to the layer again and again, and hands on what was delivered, for a second at most.
  private func race(
    _ host: inout IPHost, _ buffer: consuming Buffer, byteCount: Int,
    _ body: (inout IPHost, consuming Buffer, Int) throws -> Buffer
  ) throws -> Buffer {
    var buffer = buffer
    let end = MonotonicTime.now.advanced(byMilliseconds: 1000)
    var round = 0
    while round % 64 != 0 || MonotonicTime.now < end {
      check(buffer.setValid(offset: Self.headroom, byteCount: byteCount))
      // A packet that is recorded takes the slow path.
      buffer.flags = round % 2 == 0 ? .last : [.last, .recorded]
      host.engine.backlog.toReceive.append(buffer)
      host.engine.receive(into: &host.filled)
      var ended: Buffer?
      if !host.filled.isEmpty {
        ended = host.filled.popFirst()
      } else {
        ended =
          host.engine.backlog.toFill.isEmpty
          ? host.engine.backlog.toTransmit.popFirst() : host.engine.backlog.toFill.popFirst()
      }
      buffer = try body(&host, take(ended.take()), round)
      check(host.filled.isEmpty && host.engine.backlog.toFill.isEmpty && host.engine.backlog.toTransmit.isEmpty)
      round += 1
    }
    return buffer
  }

  @Test("a datagram goes up, and its echo down, with addresses, port and length of one of two senders, never of both")
  func datagrams() throws {
    var host = try IPHost(spares: 0)
    for sender in Self.senders {
      try host.receive(Frames.question(from: Frames.peerMAC, sender.address))
    }
    _ = host.frames()
    var udp = UDPEngine(ports: [7])
    let guardian = EchoGuard()
    var buffer = try host.buffer(Self.senders[0].frame)
    let rubbish = [UInt8](repeating: 0xA5, count: Self.headroom)
    // SAFETY: the buffer stays until the racer has stopped.
    let racer = unsafe Racer(
      at: buffer.address - buffer.headroom, (Self.senders + [Self.forged]).map { rubbish + $0.frame })
    defer { racer.stop() }
    var packets = [0, 0]
    var datagrams = [0, 0]
    buffer = try race(&host, buffer, byteCount: 80) { host, received, round in
      let packet = received.packetMetadata
      guard received.headroom == Self.headroom + 34 else { return received }
      let index = try #require(
        Self.senders.firstIndex { $0.address == packet.source }, "round \(round): \(packet.source)")
      let sender = Self.senders[index]
      #expect(packet.timeToLive == sender.ttl && packet.destination == Frames.ours, "round \(round)")
      check(received.validByteCount == 8 + sender.byteCount, "round \(round)")
      packets[index] += 1
      var burst = Burst()
      burst.append(received)
      let hasEnded = udp.receive(&burst, from: 0) != 0
      guard !hasEnded else { return try take(burst.popFirst()) }
      let datagram = burst[0].datagramMetadata
      #expect(datagram.source == sender.address && datagram.sourcePort == sender.port, "round \(round)")
      check(burst[0].validByteCount == sender.byteCount, "round \(round)")
      check(guardian.turn(&burst[0], as: Datagram.self))
      datagrams[index] += 1
      let answer = DatagramMetadata(
        source: Frames.ours, sourcePort: 7, destination: sender.address, destinationPort: sender.port)
      #expect(burst[0].datagramMetadata == answer, "round \(round)")
      check(udp.transmit(&burst, maximumByteCount: 1472) == 0 && host.engine.transmit(&burst, 1) == 0)
      // To a neighbour that is known: nobody was asked for.
      check(host.engine.backlog.toTransmit[0].headroom == Self.headroom)
      return try take(host.engine.backlog.toTransmit.popFirst())
    }
    racer.stop()
    buffer.release()
    #expect(datagrams[0] <= packets[0] && datagrams[1] <= packets[1])
    let neighbors = host.engine.cache.indices.filter { host.engine.cache[$0].state != .free }
    #expect(Set(neighbors.map { host.engine.cache[$0].address }) == Set(Self.senders.map(\.address)))
  }

  @Test("an error goes to one of two senders, with a length that was checked")
  func errors() throws {
    var host = try IPHost(spares: 0)
    let packets = (Self.senders + [Self.forged]).map { sender in
      Frames.ip(from: sender.address, protocol: 6, ttl: sender.ttl, [UInt8](repeating: 7, count: sender.byteCount))
    }
    let frame = Frames.ethernet(packets[0]) + [UInt8](repeating: 0, count: 40)
    var buffer = try host.buffer(frame)
    // Only the header that is quoted is rewritten: those of the answer lie in front of it.
    // SAFETY: the buffer stays until the racer has stopped.
    let racer = unsafe Racer(
      at: buffer.address - buffer.headroom + Self.headroom + 14, packets.map { Array($0[..<20]) })
    defer { racer.stop() }
    var answers = [0, 0]
    buffer = try race(&host, buffer, byteCount: frame.count) { host, received, round in
      // The limit is not what this is about.
      if round % 32 == 0 { host.advance(milliseconds: 40) }
      guard received.flags.contains(.reply) else { return received }
      let answer = received.array
      let destination = IPv4Address(answer.span, at: 30)
      let index = try #require(Self.senders.firstIndex { $0.address == destination }, "round \(round): \(destination)")
      #expect(Frames.checksum(Array(answer[14..<34])) == 0 && Array(answer[0..<6]) == Frames.bytes(Frames.peerMAC))
      let quoted = 20 + min(8, Self.senders[index].byteCount)
      #expect(answer.count == 14 + 20 + 8 + quoted && Int(answer[17]) == answer.count - 14, "round \(round)")
      answers[index] += 1
      return received
    }
    racer.stop()
    buffer.release()
    #expect(host.engine.counters.icmpErrorsSent == UInt64(answers.reduce(0, +)))
  }

  @Test("no neighbour is learned from an ARP packet but as it was checked")
  func neighbors() throws {
    var host = try IPHost(spares: 0)
    // Another host; our own address, which is never believed; that of all.
    let addresses = [IPv4Address(10, 0, 0, 170), Frames.ours, IPv4Address(10, 0, 0, 255)]
    let questions = addresses.map { Frames.question(from: Frames.peerMAC, $0) + [UInt8](repeating: 0, count: 18) }
    var buffer = try host.buffer(questions[0])
    // SAFETY: the buffer stays until the racer has stopped.
    let racer = unsafe Racer(at: buffer.address - buffer.headroom + Self.headroom, questions)
    defer { racer.stop() }
    buffer = try race(&host, buffer, byteCount: questions[0].count) { _, received, _ in received }
    racer.stop()
    buffer.release()
    let neighbors = host.engine.cache.indices.filter { host.engine.cache[$0].state != .free }
    #expect(
      neighbors.allSatisfy {
        host.engine.cache[$0].address == addresses[0] && host.engine.cache[$0].mac == Frames.peerMAC
      })
  }
}
