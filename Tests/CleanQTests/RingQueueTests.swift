import CleanQ
import Testing
import TestSupport

@Suite("RingQueue") struct RingQueueTests {
  /// A defect of the published C code: the position never advanced, so a queue of 64 slots held one buffer.
  @Test(
    "defect: the ring position never advances. It holds as many buffers as it has slots, and hands the next one back")
  func capacity() throws {
    let region = try Region(byteCount: 128 * 64)
    var pair = try RingQueue.pair(slotCount: 64)
    try pair.first.register(region)
    for _ in 0..<64 {
      let buffer = try take(region.buffer(byteCount: 64))
      check(pair.first.enqueue(buffer) == nil)
    }
    let extra = try take(region.buffer(byteCount: 64))
    let offset = extra.offset
    let refused = try take(pair.first.enqueue(extra))
    check(refused.reason == .full)
    let back = refused.take()
    check(back.offset == offset)
    var accounts = pair.first.accounts()
    check(accounts.inFlightBufferCount == 64 && accounts.inFlightByteCount == 64 * 64)
    for index in 0..<64 {
      let buffer = try take(pair.second.dequeue())
      check(buffer.offset == index * 64)
      check(pair.second.enqueue(buffer) == nil)
    }
    check(pair.second.dequeue() == nil)
    for _ in 0..<64 { try take(pair.first.dequeue()).release() }
    accounts = pair.first.accounts()
    check(accounts.ownedByteCount == region.byteCount && accounts.inFlightBufferCount == 0)
    back.release()
    check(region.leakedBufferCount == 0)
  }

  @Test("a buffer of a region that is not registered comes back")
  func unknownRegion() throws {
    let region = try Region(byteCount: 4096)
    let stranger = try Region(byteCount: 4096)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    let buffer = try take(stranger.buffer(byteCount: 64))
    check(try take(pair.first.enqueue(buffer)).reason == .unknownRegion)
    var burst = Burst()
    burst.append(try take(region.buffer(byteCount: 64)))
    burst.append(try take(stranger.buffer(byteCount: 64)))
    burst.append(try take(region.buffer(byteCount: 64)))
    check(pair.first.enqueue(&burst) == .unknownRegion)
    check(burst.count == 2 && burst[0].region == stranger.id)
    check(pair.second.dequeue() != nil)
  }

  /// A defect of the published C code: deregister ignored buffers in flight.
  @Test("defect: deregister ignores buffers in flight. It names the bytes that are elsewhere, and changes nothing")
  func deregister() throws {
    let region = try Region(byteCount: 4096)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    #expect(throws: QueueError(.alreadyRegistered, context: "\(region.id)")) { try pair.second.register(region) }
    #expect(throws: QueueError(.notOwner, context: "\(region.id)")) { try pair.second.deregister(region) }
    check(pair.first.enqueue(try take(region.buffer(byteCount: 100))) == nil)
    #expect(throws: QueueError(.elsewhere(byteCount: 100))) { try pair.first.deregister(region) }
    let there = try take(pair.second.dequeue())
    #expect(throws: QueueError(.elsewhere(byteCount: 100))) { try pair.first.deregister(region) }
    check(pair.second.enqueue(there) == nil)
    #expect(throws: QueueError(.elsewhere(byteCount: 100))) { try pair.first.deregister(region) }
    try take(pair.first.dequeue()).release()
    try pair.first.deregister(region)
    #expect(throws: QueueError(.notRegistered, context: "\(region.id)")) { try pair.first.deregister(region) }
    check(region.registrationCount == 0)
    // Its name is dead at this queue, for either end, and at no other.
    #expect(throws: QueueError(.retired, context: "\(region.id)")) { try pair.first.register(region) }
    #expect(throws: QueueError(.retired, context: "\(region.id)")) { try pair.second.register(region) }
    check(region.registrationCount == 0)
    var other = try RingQueue.pair(slotCount: 4)
    try other.second.register(region)
  }

  @Test("a run is enqueued whole or not at all")
  func runs() throws {
    let region = try Region(byteCount: 64 * 64)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    var lone = try take(region.buffer(byteCount: 64))
    lone.flags = []
    check(try take(pair.first.enqueue(lone)).reason == .incompleteChain)
    // Runs of 2 and 3: the second does not fit behind the first.
    var burst = try runs(of: [2, 3], region)
    check(pair.first.enqueue(&burst) == .full)
    check(burst.count == 3)
    var there = Burst()
    pair.second.dequeue(into: &there)
    check(there.count == 2 && !there[0].flags.contains(.last) && there[1].flags.contains(.last))
    check(pair.first.enqueue(&burst) == nil)
    pair.second.dequeue(into: &there)
    // A run longer than the ring can never fit; one without an end is not a run.
    burst = try runs(of: [5], region)
    check(pair.first.enqueue(&burst) == .incompleteChain)
    check(burst.count == 5)
    burst[4].flags = []
    check(pair.first.enqueue(&burst) == .incompleteChain)
    there.releaseAll()
    burst.releaseAll()
  }

  @Test("when one end closes, the other is told, and what is in flight comes home with the last")
  func close() throws {
    let region = try Region(byteCount: 4096)
    func exchange() throws {
      let pair = try RingQueue.pair(slotCount: 4)
      var first = pair.first
      try first.register(region)
      check(first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
      let accounts = pair.second.destroy()
      check(accounts.inFlightBufferCount == 1)
      let refused = try take(first.enqueue(try take(region.buffer(byteCount: 64))))
      check(refused.reason == .closed)
      check(region.liveBufferCount == 2)
    }
    try exchange()
    check(region.liveBufferCount == 0 && region.registrationCount == 0)
  }

  @Test("accounts add up at every step", arguments: [1, 2, 3, 4] as [UInt64])
  func accounts(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let region = try Region(byteCount: 64 * 16)
    var pair = try RingQueue.pair(slotCount: 8)
    try pair.first.register(region)
    var mine = Burst()
    var theirs = Burst()
    for _ in 0..<16 { mine.append(try take(region.buffer(byteCount: 64))) }
    for _ in 0..<5000 {
      switch Int.random(in: 0..<6, using: &random) {
      case 0: _ = pair.first.enqueue(&mine)
      case 1: _ = pair.second.enqueue(&theirs)
      case 2: pair.first.dequeue(into: &mine)
      case 3: pair.second.dequeue(into: &theirs)
      case 4: if theirs.room > 0, let buffer = pair.second.dequeue() { theirs.append(buffer) }
      default:
        if let buffer = mine.popFirst(), let refused = pair.first.enqueue(buffer) { mine.append(refused.take()) }
      }
      let accounts = pair.first.accounts()
      check(accounts.ownedByteCount == mine.count * 64, "seed \(seed)")
      check(accounts.atPeerByteCount == theirs.count * 64, "seed \(seed)")
      check(accounts.inFlightBufferCount == 16 - mine.count - theirs.count, "seed \(seed)")
      check(accounts.registeredByteCount == region.byteCount)
      check(pair.second.accounts().ownedByteCount == theirs.count * 64, "seed \(seed)")
    }
    check(region.leakedBufferCount == 0)
  }

  @Test("what is away is known after more bytes than a balance has bits for were brought home at the far side")
  func longBalance() throws {
    let byteCount = 1 << 30
    let region = try Region(byteCount: byteCount)
    let pair = try RingQueue.pair(slotCount: 2)
    var near = pair.first
    var far = pair.second
    try near.register(region)
    // Half of what 40 bits say is reached after 512 laps.
    for _ in 0..<600 {
      check(near.enqueue(try take(region.buffer(byteCount: byteCount))) == nil)
      try take(far.dequeue()).release()
    }
    check(near.enqueue(try take(region.buffer(byteCount: byteCount))) == nil)
    check(near.accounts().inFlightByteCount == byteCount)
    let away = try take(far.dequeue())
    let accounts = near.accounts()
    check(accounts.atPeerByteCount == byteCount && accounts.atPeerBufferCount == 1)
    check(accounts.inFlightByteCount == 0 && accounts.inFlightBufferCount == 0)
    #expect(throws: QueueError(.elsewhere(byteCount: byteCount))) { try near.deregister(region) }
    away.release()
    try near.deregister(region)
  }

  @Test(
    "buffers of the primary region and of others mix, and the accounts are exact; so it is when the common one has gone"
  )
  func severalRegions() throws {
    let usual = try Region(byteCount: 1024)
    let other = try Region(byteCount: 2048)
    let pair = try RingQueue.pair(slotCount: 16)
    var near = pair.first
    var far = pair.second
    try near.register(usual)
    try near.register(other)
    var burst = Burst()
    // Two of one, two of the other, in turn.
    for index in 0..<12 {
      let byteCount = 64 + index
      burst.append(try take(index & 2 == 0 ? usual.buffer(byteCount: byteCount) : other.buffer(byteCount: byteCount)))
    }
    let total = (0..<12).reduce(0) { $0 + 64 + $1 }
    for lap in 0..<8 {
      check(near.enqueue(&burst) == nil)
      check(near.accounts().inFlightByteCount == total && near.accounts().inFlightBufferCount == 12)
      far.dequeue(into: &burst)
      check((0..<12).allSatisfy { burst[$0].byteCount == 64 + $0 }, "lap \(lap)")
      check(near.accounts().atPeerByteCount == total && near.accounts().inFlightByteCount == 0)
      #expect(throws: QueueError.self) { try near.deregister(usual) }
      for _ in 0..<12 { check(far.enqueue(try take(burst.popFirst())) == nil) }
      for _ in 0..<12 { burst.append(try take(near.dequeue())) }
      check(near.accounts().ownedByteCount == 3072)
    }
    try near.deregister(usual)
    let refused = try take(near.enqueue(try take(burst.popFirst())))
    check(refused.reason == .unknownRegion)
    burst.releaseAll()
    let last = try take(other.buffer(byteCount: 64))
    check(near.enqueue(last) == nil)
    check(near.accounts().inFlightByteCount == 64 && near.accounts().registeredByteCount == 2048)
    try take(far.dequeue()).release()
    check(near.accounts().ownedByteCount == 2048)
  }

  @Test("slot counts that are no power of two are a programmer's error")
  func slotCount() async {
    await #expect(processExitsWith: .failure) { _ = try RingQueue.pair(slotCount: 3) }
  }

  private func runs(of lengths: [Int], _ region: borrowing Region) throws -> Burst {
    var burst = Burst()
    for length in lengths {
      for index in 0..<length {
        var buffer = try take(region.buffer(byteCount: 64))
        buffer.flags = index == length - 1 ? .last : []
        burst.append(buffer)
      }
    }
    return burst
  }
}
