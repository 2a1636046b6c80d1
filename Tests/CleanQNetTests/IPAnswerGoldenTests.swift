import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

@Suite("IP: answers of the layer itself") struct IPAnswerGoldenTests {
  @Test("a request for our address is answered, byte for byte")
  func arpReply() throws {
    var host = try IPHost()
    try host.receive(Frames.question() + [UInt8](repeating: 0xEE, count: 18))
    let reply = Frames.arp(2, sender: Frames.ourMAC, Frames.ours, target: Frames.peerMAC, Frames.peer)
    let expected = Frames.ethernet(to: Frames.peerMAC, from: Frames.ourMAC, type: 0x0806, reply)
    check(host.engine.backlog.toTransmit[0].flags == [.last, .reply])
    #expect(host.frames() == [expected], "the padding of the request is gone")
    #expect(host.engine.counters.arpRequestsReceived == 1 && host.engine.counters.arpRepliesSent == 1)
    check(host.isEachFrameCounted && host.sent.isEmpty)
    #expect(host.region.liveBufferCount == 4, "the reply's buffer went back to the receive queue")
  }

  @Test("a probe is answered and not remembered, a request is both")
  func probe() throws {
    var host = try IPHost()
    try host.receive(Frames.question(.unspecified))
    #expect(host.frames().count == 1 && host.engine.cache.usedCount == 0)
    try host.receive(Frames.question())
    #expect(host.frames().count == 1 && host.engine.cache.usedCount == 1)
  }

  @Test("a neighbour of another network is answered and not remembered")
  func offLink() throws {
    var host = try IPHost()
    try host.receive(Frames.question(IPv4Address(192, 0, 2, 1)))
    #expect(host.frames().count == 1 && host.engine.cache.usedCount == 0)
  }

  @Test("a ping is answered, byte for byte", arguments: [0, 1, 2, 57, 1472])
  func echo(byteCount: Int) throws {
    var host = try IPHost()
    let data = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let options = [UInt8](repeating: 1, count: byteCount % 2 * 8)
    let request = Frames.icmp(data)
    try host.receive(Frames.ethernet(Frames.ip(protocol: 1, tos: 0x2E, options: options, request)) + [1, 2, 3])
    check(host.filled.isEmpty && host.isEachFrameCounted)
    var packet = Frames.ip(
      from: Frames.ours, to: Frames.peer, protocol: 1, tos: 0x2C, Frames.icmp(type: 0, data))
    // RFC 6864: identification 0, DF.
    packet[4] = 0
    packet[5] = 0
    packet[10] = 0
    packet[11] = 0
    let sum = Frames.checksum(Array(packet[0..<20]))
    packet[10] = UInt8(sum >> 8)
    packet[11] = UInt8(sum & 0xFF)
    #expect(host.frames() == [Frames.ethernet(to: Frames.peerMAC, from: Frames.ourMAC, packet)])
    #expect(host.engine.counters.icmpEchoReplies == 1)
    #expect(host.region.liveBufferCount == 4)
  }

  @Test("another protocol is answered with protocol unreachable, with the packet quoted")
  func protocolUnreachable() throws {
    var host = try IPHost()
    let packet = Frames.ip(protocol: 6, options: [1, 1, 1, 0], Array(1...20))
    try host.receive(Frames.ethernet(packet))
    let frame = try #require(host.frames().first)
    #expect(Array(frame[0..<14]) == Array(Frames.ethernet(to: Frames.peerMAC, from: Frames.ourMAC, [])[0..<14]))
    #expect(Frames.checksum(Array(frame[14..<34])) == 0 && frame[23] == 1 && frame[22] == 64)
    #expect(Array(frame[26..<34]) == Frames.bytes(Frames.ours) + Frames.bytes(Frames.peer))
    let message = Array(frame[34...])
    #expect(message.prefix(2) == [3, 2] && Frames.checksum(message) == 0)
    #expect(Array(message[8...]) == Array(packet.prefix(24 + 8)))
    #expect(host.engine.counters.icmpErrorsSent == 1 && host.drops(.unknownProtocol) == 1)
  }

  @Test("a sender outside the prefix is answered where there is a gateway, by ping, errors and users alike")
  func returnRoute() throws {
    let stranger = IPv4Address(192, 0, 2, 1)
    let ping = Frames.ethernet(Frames.ip(from: stranger, protocol: 1, Frames.icmp()))
    let other = Frames.ethernet(Frames.ip(from: stranger, protocol: 6, [1, 2, 3, 4]))
    var host = try IPHost()
    try host.receive(ping)
    try host.receive(other)
    try host.transmit(to: stranger)
    try host.transmit(to: stranger, protocol: 1, flags: [.last, .reply])
    #expect(host.frames().isEmpty && host.drops(.noReturnRoute) == 1 && host.drops(.unknownProtocol) == 1)
    #expect(host.drops(.noRoute) == 2 && host.engine.counters.icmpErrorsSent == 0)
    #expect(host.engine.counters.icmpEchoReplies == 0)
    check(host.isEachFrameCounted)

    var routed = try IPHost(gateway: "10.0.0.1")
    try routed.receive(Frames.question())
    _ = routed.frames()
    try routed.receive(ping)
    try routed.receive(other)
    try routed.transmit(to: stranger)
    for _ in 0..<3 { try routed.transmit(to: stranger, protocol: 1, flags: [.last, .reply]) }
    #expect(routed.frames().count == 6 && routed.engine.counters.receivedDropCount == 1)
    #expect(routed.engine.counters.icmpErrorsSent == 4 && routed.engine.counters.icmpEchoReplies == 1)
  }

  @Test("an error that waits for a neighbour is counted as sent when it is, and not where nobody answers")
  func errorWaits() throws {
    var host = try IPHost()
    try host.transmit(protocol: 1, flags: [.last, .reply])
    try host.transmit(to: IPv4Address(10, 0, 0, 9), protocol: 1, flags: [.last, .reply])
    #expect(host.engine.counters.icmpErrorsSent == 0)
    try host.receive(Frames.answer(from: Frames.peerMAC, Frames.peer))
    for _ in 0..<4 { host.advance(milliseconds: 1000) }
    _ = host.frames()
    #expect(host.engine.counters.icmpErrorsSent == 1 && host.drops(.arpUnresolved) == 1)
  }

  @Test("no error is sent about broadcasts, nor without room, nor more than the limit")
  func noError() throws {
    var host = try IPHost()
    try host.receive(Frames.ethernet(Frames.ip(to: .limitedBroadcast, protocol: 6, [1])))
    try host.receive(Frames.ethernet(to: .broadcast, Frames.ip(to: IPv4Address(10, 0, 0, 255), protocol: 6, [1])))
    try host.receive(Frames.ethernet(Frames.ip(protocol: 6, [1])), headroom: 27)
    #expect(host.frames().isEmpty && host.drops(.unknownProtocol) == 3)
    var sent = 0
    for _ in 0..<100 {
      try host.receive(Frames.ethernet(Frames.ip(protocol: 6, [1])))
      sent += host.frames().count
    }
    #expect(sent == 50 && host.engine.counters.icmpRateLimited == 50)
    host.advance(milliseconds: 10)
    try host.receive(Frames.ethernet(Frames.ip(protocol: 6, [1])))
    #expect(host.frames().count == 1)
    check(host.isEachFrameCounted)
  }

  @Test("makeUnreachable changes nothing where RFC 1122 forbids an error, whatever the metadata says")
  func unreachable() throws {
    let host = try IPHost(spares: 0)
    let good = PacketMetadata(
      source: Frames.peer, destination: Frames.ours, protocol: .udp, timeToLive: 9, headerByteCount: 20)
    func attempt(
      _ packet: [UInt8] = Frames.ip(Frames.udp()), headroom: Int = 64,
      _ change: (inout PacketMetadata) -> Void = { _ in }
    ) throws -> Bool {
      var metadata = good
      change(&metadata)
      var buffer = try host.buffer(packet, headroom: headroom)
      let isTrimmed = buffer.trimFront(20)
      check(isTrimmed)
      buffer.packetMetadata = metadata
      let before = buffer.name
      let isMade = ICMPError.makeUnreachable(code: .port, in: &buffer, metadata: metadata)
      if isMade {
        check(buffer.flags == [.last, .reply] && buffer.packetMetadata.protocol == .icmp)
        #expect(buffer.packetMetadata.source == Frames.ours && buffer.packetMetadata.destination == Frames.peer)
        #expect(Frames.checksum(buffer.array) == 0 && buffer.array.prefix(2) == [3, 3])
      } else {
        #expect(buffer.name == before)
      }
      buffer.release()
      return isMade
    }
    #expect(try attempt())
    #expect(try attempt(Frames.ip([])), "a packet without payload is quoted as far as it goes")
    #expect(try attempt(headroom: 42) && !attempt(headroom: 41))
    #expect(try !attempt { $0.isBroadcast = true })
    #expect(try !attempt { $0.source = .limitedBroadcast })
    #expect(try !attempt { $0.source = .unspecified })
    #expect(try !attempt { $0.destination = IPv4Address(224, 0, 0, 1) })
    #expect(try !attempt { $0.isLaterFragment = true })
    for count in [0, 4, 19, 22, 60, 64, 255] { #expect(try !attempt { $0.headerByteCount = count }) }
    for type: UInt8 in [3, 4, 5, 11, 12] {
      #expect(try !attempt(Frames.ip(protocol: 1, Frames.icmp(type: type))) { $0.protocol = .icmp })
    }
    #expect(try !attempt(Frames.ip(protocol: 1, [])) { $0.protocol = .icmp })
    #expect(try attempt(Frames.ip(protocol: 1, Frames.icmp())) { $0.protocol = .icmp })
  }
}
