import CleanQ
import Glibc
import Synchronization
import Testing
import TestSupport

/// Register and deregister while the other end hands over a buffer of the very region, which it has got past the queue.
@Suite("Registration of a ring against the other end", .serialized) struct RingRegistrationTests {
  static let rounds = 1000

  /// The other end, on a thread of its own: hands over one buffer per round.
  private final class Peer: @unchecked Sendable {
    // SAFETY: `queue` is written before the thread starts. `buffer` is written by the side that `round` and `answered` say has it.
    var queue: RingQueue?
    var buffer: Buffer?
    /// The round that the thread is to play, and the last one that it has played; -1 ends it.
    let round = Atomic<Int>(0)
    let answered = Atomic<Int>(0)
    /// Whether it tries until the buffer is taken, or once.
    let isPatient: Bool

    init(_ queue: consuming RingQueue, isPatient: Bool) {
      self.queue = consume queue
      self.isPatient = isPatient
    }

    func start(_ number: Int, _ buffer: consuming Buffer) {
      self.buffer = consume buffer
      round.store(number, ordering: .releasing)
    }

    func awaitAnswer(_ number: Int) { while answered.load(ordering: .acquiring) != number { sched_yield() } }

    func run() {
      guard var queue = queue.take() else { return }
      var number = 1
      while true {
        var next = round.load(ordering: .acquiring)
        var spins = 0
        // Both sides are to meet, so the thread spins before it lets another run.
        while next != number, next >= 0 {
          spins += 1
          if spins > 1000 { sched_yield() }
          next = round.load(ordering: .acquiring)
        }
        if next < 0 { return }
        while let offered = buffer.take() {
          guard let refused = queue.enqueue(offered) else { break }
          buffer = refused.take()
          if !isPatient { break }
        }
        answered.store(number, ordering: .releasing)
        number += 1
      }
    }

    func end() { round.store(-1, ordering: .releasing) }
  }

  private static func run(_ peer: Peer) -> Task<Void, Never> { Task.detached { [peer] in peer.run() } }

  @Test("a buffer that the other end hands over while its region is registered is refused, or taken and counted")
  func register() throws {
    let pair = try RingQueue.pair(slotCount: 4)
    var queue = pair.first
    let peer = Peer(pair.second, isPatient: true)
    let thread = Self.run(peer)
    defer { peer.end() }
    for number in 1...Self.rounds {
      let region = try Region(byteCount: 4096)
      peer.start(number, try take(region.buffer(byteCount: 64)))
      try queue.register(region)
      peer.awaitAnswer(number)
      var accounts = queue.accounts()
      guard accounts.inFlightByteCount == 64, accounts.inFlightBufferCount == 1, accounts.atPeerByteCount == 0 else {
        Issue.record("round \(number): one buffer of 64 bytes is in flight, and it says \(accounts)")
        return
      }
      #expect(throws: QueueError(.elsewhere(byteCount: 64))) { try queue.deregister(region) }
      try take(queue.dequeue()).release()
      accounts = queue.accounts()
      guard accounts.ownedByteCount == 4096, accounts.inFlightBufferCount == 0, accounts.atPeerBufferCount == 0 else {
        Issue.record("round \(number): all is home, and it says \(accounts)")
        return
      }
      try queue.deregister(region)
    }
    _ = thread
  }

  @Test("a buffer that the other end hands over while its region is deregistered is refused, or deregister is")
  func deregister() throws {
    let pair = try RingQueue.pair(slotCount: 4)
    var queue = pair.first
    let peer = Peer(pair.second, isPatient: false)
    let thread = Self.run(peer)
    defer { peer.end() }
    var done = 0
    for number in 1...Self.rounds {
      let region = try Region(byteCount: 4096)
      try queue.register(region)
      peer.start(number, try take(region.buffer(byteCount: 64)))
      // Somewhat later each time, so that the two meet.
      for _ in 0..<(number % 16) { _ = queue.accounts() }
      var failure: QueueError?
      do throws(QueueError) { try queue.deregister(region) } catch { failure = error }
      peer.awaitAnswer(number)
      if let back = peer.buffer.take() {
        // Refused, so nothing of the region was ever in the ring.
        back.release()
        check(failure == nil, "round \(number): \(failure.map(\.description) ?? "")")
        done += 1
      } else {
        check(failure == QueueError(.elsewhere(byteCount: 64)), "round \(number)")
        check(queue.accounts().inFlightByteCount == 64)
        guard failure != nil else { return }
        try take(queue.dequeue()).release()
        try queue.deregister(region)
      }
      check(queue.accounts() == BufferAccounts())
    }
    check(done > 0)
    _ = thread
  }

  @Test("what goes to the other end is away until it comes back, whatever that end hands over besides")
  func otherPath() throws {
    let region = try Region(byteCount: 4096)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    check(pair.first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    let away = try take(pair.second.dequeue())
    // The other end has got this one past the queue.
    check(pair.second.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    check(pair.first.accounts().inFlightByteCount == 64 && pair.first.accounts().atPeerByteCount == 64)
    try take(pair.first.dequeue()).release()
    let accounts = pair.first.accounts()
    check(accounts.atPeerByteCount == 64 && accounts.atPeerBufferCount == 1 && accounts.inFlightByteCount == 0)
    check(pair.second.accounts().ownedByteCount == 64)
    #expect(throws: QueueError(.elsewhere(byteCount: 64))) { try pair.first.deregister(region) }
    away.release()
    check(pair.first.accounts().ownedByteCount == 4096 && pair.first.accounts().atPeerBufferCount == 0)
    try pair.first.deregister(region)
  }

  @Test(
    "a buffer that goes round by two rings is counted once on either, lap after lap", arguments: [1, 2, 3, 5],
    [false, true])
  func round(laps: Int, inBursts: Bool) throws {
    let region = try Region(byteCount: 4096)
    var there = try RingQueue.pair(slotCount: 4)
    var back = try RingQueue.pair(slotCount: 4)
    try there.first.register(region)
    try back.first.register(region)
    var buffer = try take(region.buffer(byteCount: 64))
    func pass(
      _ buffer: consuming Buffer, from: inout RingQueue, to: inout RingQueue
    ) throws -> Buffer {
      guard inBursts else {
        check(from.enqueue(buffer) == nil)
        return try take(to.dequeue())
      }
      var burst = Burst()
      burst.append(buffer)
      check(from.enqueue(&burst) == nil)
      to.dequeue(into: &burst)
      return try take(burst.popFirst())
    }
    for lap in 1...laps {
      buffer = try pass(buffer, from: &there.first, to: &there.second)
      check(there.first.accounts().atPeerByteCount == 64, "lap \(lap)")
      check(there.first.accounts().inFlightByteCount == 0, "lap \(lap)")
      buffer = try pass(buffer, from: &back.second, to: &back.first)
      check(back.first.accounts().atPeerByteCount == 0 && back.first.accounts().inFlightByteCount == 0, "lap \(lap)")
      // It has not come back by this ring, so as far as this one knows it is with the other end still.
      check(there.first.accounts().atPeerByteCount == 64 && there.first.accounts().atPeerBufferCount == 1, "lap \(lap)")
    }
    // On its way again, it is in flight and not away too.
    check(there.first.enqueue(buffer) == nil)
    var accounts = there.first.accounts()
    check(accounts.inFlightByteCount == 64 && accounts.inFlightBufferCount == 1)
    check(accounts.atPeerByteCount == 0 && accounts.atPeerBufferCount == 0)
    buffer = try take(there.second.dequeue())
    check(back.second.enqueue(buffer) == nil)
    try take(back.first.dequeue()).release()
    accounts = there.first.accounts()
    check(accounts.ownedByteCount == 4096 && accounts.atPeerBufferCount == 0)
    check(back.first.accounts().ownedByteCount == 4096)
    try there.first.deregister(region)
    try back.first.deregister(region)
  }
}
