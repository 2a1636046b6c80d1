import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

@Suite("ARP: questions, answers and age") struct ARPResolutionTests {
  private let other = MACAddress(0x52, 0x54, 0, 0, 0, 9)

  /// The question about an address, to all or to one.
  private func question(_ address: IPv4Address, to mac: MACAddress = .broadcast) -> [UInt8] {
    let packet = Frames.arp(1, sender: Frames.ourMAC, Frames.ours, target: .zero, address)
    return Frames.ethernet(to: mac, from: Frames.ourMAC, type: 0x0806, packet)
  }

  @Test("packets wait for the answer and leave in order, once")
  func resolve() throws {
    var host = try IPHost()
    for index in 1...3 { try host.transmit(Frames.udp([UInt8(index)])) }
    #expect(host.frames() == [question(Frames.peer)], "one question for three packets")
    check(host.engine.pending.count == 3 && host.sent.isEmpty)
    try host.receive(Frames.answer(from: Frames.peerMAC, Frames.peer))
    let frames = host.frames()
    #expect(frames.map { $0.last ?? 0 } == [1, 2, 3])
    #expect(frames.allSatisfy { $0.prefix(6) == Frames.bytes(Frames.peerMAC)[...] })
    #expect(host.returnedCount() == 3 && host.engine.counters.arpRepliesReceived == 1)
    #expect(host.region.liveBufferCount == 4 && host.engine.spares.burst.count == 4)
  }

  @Test("a question a second, three in all, then the packets come back; then it starts anew")
  func unresolved() throws {
    var host = try IPHost()
    try host.transmit()
    var times: [UInt64] = []
    for step in 0..<100 {
      if !host.frames().isEmpty { times.append(UInt64(step) * 50) }
      host.advance(milliseconds: 50)
    }
    // The clock stood still at the first question: its second begins with the next tick.
    #expect(times == [0, 1050, 2050] && host.engine.counters.arpRequestsSent == 3)
    #expect(host.drops(.arpUnresolved) == 1 && host.returnedCount() == 1 && host.engine.cache.usedCount == 0)
    try host.transmit()
    #expect(host.frames() == [question(Frames.peer)])
  }

  @Test("at most 4 packets wait for a neighbour and 32 in all")
  func bounds() throws {
    var host = try IPHost()
    for _ in 0..<6 { try host.transmit() }
    #expect(host.drops(.arpQueueFull) == 2 && host.returnedCount() == 2)
    for number in 10..<30 {
      for _ in 0..<4 { try host.transmit(to: IPv4Address(10, 0, 0, UInt8(number))) }
      _ = host.frames()
      _ = host.returnedCount()
    }
    check(host.engine.pending.count == 32)
    #expect(host.drops(.arpQueueFull) == 2 + 80 - 28)
    for _ in 0..<80 { host.advance(milliseconds: 50) }
    check(host.engine.pending.isEmpty && host.engine.cache.usedCount == 0)
    #expect(host.drops(.arpUnresolved) == 32 && host.returnedCount() == 32)
  }

  @Test("a question needs a buffer; without one the try counts, and the next one comes a second later")
  func noSpare() throws {
    var host = try IPHost(spares: 0)
    try host.transmit()
    #expect(host.frames().isEmpty && host.engine.counters.arpRequestsUnsent == 1)
    var freeBuffers = Burst()
    freeBuffers.append(try take(host.region.buffer(byteCount: 91)))
    host.engine.collectSpares(from: &freeBuffers)
    check(freeBuffers.count == 1, "too short for a question")
    freeBuffers.releaseAll()
    freeBuffers.append(try take(host.region.buffer(byteCount: 92)))
    host.engine.collectSpares(from: &freeBuffers)
    check(freeBuffers.isEmpty)
    host.advance(milliseconds: 1)
    host.advance(milliseconds: 1000)
    #expect(host.frames() == [question(Frames.peer)])
  }

  @Test("an old entry is asked for again, twice alone and once to all, and used until it is given up")
  func ageing() throws {
    var host = try IPHost()
    try host.receive(Frames.question())
    _ = host.frames()
    host.advance(milliseconds: 59_999)
    try host.transmit()
    #expect(host.frames().count == 1)
    host.advance(milliseconds: 1)
    try host.transmit()
    try host.transmit()
    let frames = host.frames()
    let questions = frames.filter { $0[12...13] == [8, 6] }
    #expect(frames.count == 3 && questions == [question(Frames.peer, to: Frames.peerMAC)])
    host.advance(milliseconds: 1)
    host.advance(milliseconds: 1000)
    #expect(host.frames() == [question(Frames.peer, to: Frames.peerMAC)])
    host.advance(milliseconds: 1000)
    #expect(host.frames() == [question(Frames.peer)])
    try host.transmit()
    #expect(host.frames().count == 1, "still used")
    host.advance(milliseconds: 1000)
    #expect(host.engine.cache.usedCount == 0 && host.engine.counters.arpNeighborsLost == 1)
    #expect(host.returnedCount() == 4 && host.engine.counters.transmitDropCount == 0)
  }

  @Test("an answer makes an old entry young again")
  func refresh() throws {
    var host = try IPHost()
    try host.receive(Frames.question())
    for _ in 0..<5 {
      host.advance(milliseconds: 60_000)
      try host.transmit()
      #expect(host.frames().contains(question(Frames.peer, to: Frames.peerMAC)))
      try host.receive(Frames.answer(from: Frames.peerMAC, Frames.peer))
      host.advance(milliseconds: 5000)
      #expect(host.frames().isEmpty)
      _ = host.returnedCount()
    }
    #expect(host.engine.counters.arpNeighborsLost == 0)
  }

  @Test("a neighbour that comes back with another card is followed, whatever it sends")
  func changedMAC() throws {
    let log = Log()
    var host = try IPHost(onEvent: events(log))
    try host.receive(Frames.question())
    _ = host.frames()
    // A gratuitous request: about itself, to all.
    let announcement = Frames.arp(1, sender: other, Frames.peer, target: .zero, Frames.peer)
    try host.receive(Frames.ethernet(to: .broadcast, from: other, type: 0x0806, announcement))
    #expect(host.drops(.arpNotForUs) == 1 && host.engine.counters.arpNeighborsChanged == 1)
    try host.transmit()
    #expect(host.frames().first?.prefix(6) == Frames.bytes(other)[...])
    #expect(log.lines.count == 1)
    #expect(
      log.lines.first?.hasPrefix(
        "warning neighbour 10.0.0.1 changed its Ethernet address from \(Frames.peerMAC) to \(other);") == true)
    // A peer causes the lines, so there are few, however often it changes.
    for index in 0..<100 {
      try host.receive(Frames.question(from: index % 2 == 0 ? Frames.peerMAC : other))
      _ = host.frames()
      _ = host.returnedCount()
    }
    #expect(log.lines.count == 3 && host.engine.counters.arpNeighborsChanged == 101)
  }

  @Test("a station that uses our address is told of, with both Ethernet addresses, and not believed")
  func conflict() throws {
    let log = Log()
    var host = try IPHost(onEvent: events(log))
    for _ in 0..<100 { try host.receive(Frames.question(from: other, Frames.ours)) }
    #expect(host.drops(.arpAddressConflict) == 100 && host.engine.cache.usedCount == 0)
    #expect(log.lines.count == 3)
    let line = "warning address conflict: 10.0.0.2 is ours, at \(Frames.ourMAC), and \(other) uses it too;"
    #expect(log.lines.first?.hasPrefix(line) == true)
    host.advance(milliseconds: 10_000)
    try host.receive(Frames.question(from: other, Frames.ours))
    #expect(log.lines.count == 4 && log.lines[3].hasSuffix("(and 97 more like it since the last line)"))
  }

  @Test("nobody gets into the cache by talking to others, or unasked")
  func poisoning() throws {
    var host = try IPHost()
    try host.receive(Frames.answer(from: other, IPv4Address(10, 0, 0, 7)))
    try host.receive(
      Frames.ethernet(
        to: .broadcast, type: 0x0806, Frames.arp(1, Frames.peer, IPv4Address(10, 0, 0, 9))))
    #expect(host.engine.cache.usedCount == 0)
  }

  @Test(
    "failure 7: a flood of neighbours fills the cache and no more, and does not push out one that is being asked for")
  func flood() throws {
    var host = try IPHost("10.0.0.2/8")
    let asked = IPv4Address(10, 0, 0, 9)
    try host.transmit(to: asked)
    _ = host.frames()
    for number in 0..<5000 {
      let address = IPv4Address(rawValue: 0x0A10_0000 + UInt32(number))
      try host.receive(Frames.question(from: other, address))
      _ = host.frames()
    }
    #expect(host.engine.cache.usedCount == 256)
    try host.receive(Frames.answer(from: Frames.peerMAC, asked))
    #expect(host.frames().count == 1 && host.returnedCount() == 1)
  }

  @Test("no address is asked for twice in a second, though more are asked for than fit")
  func rate() throws {
    var host = try IPHost("10.0.0.2/8")
    var last: [[UInt8]: UInt64] = [:]
    for step in 0..<2000 {
      // Eight addresses of one set of the cache.
      let number = UInt32(step % 8) << 18
      try host.transmit(to: IPv4Address(rawValue: 0x0A00_0040 + number))
      for frame in host.frames() where frame[12...13] == [8, 6] {
        let target = Array(frame[38..<42])
        if let before = last[target] { #expect(host.milliseconds - before >= 1000) }
        last[target] = host.milliseconds
      }
      _ = host.returnedCount()
      host.advance(milliseconds: 7)
    }
    #expect(last.count > 4 && host.drops(.arpCacheFull) > 0)
  }
}
