import Testing
import TestSupport

@testable import CleanQ

/// A queue that dequeues what a test tells it to, besides what was enqueued.
private struct ForgingQueue: Queue, ~Copyable {
  var inner = LoopbackQueue()
  var forged = Burst()
  /// Gives this back in place of what was enqueued.
  var returned: Buffer?

  init() {}

  mutating func register(_ region: borrowing Region) throws(QueueError) { try inner.register(region) }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try inner.deregister(region) }

  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard let other = returned.take() else { return inner.enqueue(buffer) }
    _ = inner.enqueue(buffer)
    return Refused(other, .full)
  }

  mutating func enqueue(_ burst: inout Burst) -> Refusal? { inner.enqueue(&burst) }

  mutating func dequeue() -> Buffer? { forged.popFirst() ?? inner.dequeue() }

  mutating func dequeue(into burst: inout Burst) {
    while burst.room > 0, let buffer = forged.popFirst() { burst.append(buffer) }
    inner.dequeue(into: &burst)
  }

  mutating func notify() {}

  func accounts() -> BufferAccounts { inner.accounts() }
}

@Suite("Checked queue") struct CheckedQueueTests {
  /// A second buffer of the same bytes. SAFETY: none; the tests never touch the bytes through both.
  private func forge(_ name: Descriptor, _ region: borrowing Region) -> Buffer {
    unsafe Buffer(base: region.control.mapping.base, descriptor: name)
  }

  @Test("singly and in bursts, over a ring, at both ends: nothing is reported")
  func ring() throws {
    let region = try Region(byteCount: 64 * 1024)
    let pair = try RingQueue.pair(slotCount: 8)
    let violations = Violations()
    var first = CheckedQueue(pair.first, name: "first", report: violations.report)
    // This end registers nothing, and knows the region from the first buffer on.
    var second = CheckedQueue(pair.second, name: "second", report: violations.report)
    try first.register(region)
    var burst = Burst()
    for _ in 0..<12 { burst.append(try take(region.buffer(byteCount: 2048))) }
    for _ in 0..<50 {
      check(first.enqueue(&burst) == .full && burst.count == 4)
      while let buffer = second.dequeue() { check(second.enqueue(buffer) == nil) }
      first.dequeue(into: &burst)
      check(burst.count == 12)
      while let buffer = burst.popFirst() {
        guard let refused = first.enqueue(buffer) else { continue }
        check(refused.reason == .full)
        burst.append(refused.take())
        break
      }
      var there = Burst()
      second.dequeue(into: &there)
      second.settle()
      check(second.enqueue(&there) == nil)
      first.settle()
      first.dequeue(into: &burst)
      check(burst.count == 12)
    }
    burst.releaseAll()
    #expect(violations.all.isEmpty)
    try first.deregister(region)
    // The next region of the other end is adopted as well.
    let next = try Region(byteCount: 4096)
    try first.register(next)
    check(first.enqueue(try take(next.buffer(byteCount: 64))) == nil)
    check(try second.enqueue(take(second.dequeue())) == nil)
    try take(first.dequeue()).release()
    #expect(violations.all.isEmpty)
  }

  @Test("defect: the checking module sees only its own layer's regions")
  func regions() throws {
    let region = try Region(byteCount: 4096)
    let stranger = try Region(byteCount: 4096)
    let pair = try RingQueue.pair(slotCount: 8)
    var first = pair.first
    let violations = Violations()
    var second = CheckedQueue(pair.second, report: violations.report)
    try first.register(region)
    check(first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    let theirs = try take(second.dequeue())
    #expect(violations.all.isEmpty)
    // One that the ring does not know either is refused, which is no violation.
    let refused = try take(second.enqueue(take(stranger.buffer(byteCount: 64))))
    check(refused.reason == .unknownRegion && violations.all.isEmpty)
    // A second copy of theirs, handed over twice, is one.
    let copy = forge(theirs.name, region)
    check(second.enqueue(theirs) == nil)
    check(second.enqueue(copy) == nil)
    #expect(violations.all.map(\.kind) == [.duplicateDown])
    try take(first.dequeue()).release()
    check(first.dequeue() == nil)
  }

  @Test("a forged buffer is passed by: the one behind it is dequeued", arguments: [false, true])
  func dequeueTwice(inBursts: Bool) throws {
    let region = try Region(byteCount: 4096)
    let violations = Violations()
    var queue = CheckedQueue(ForgingQueue(), name: "forger", report: violations.report)
    try queue.register(region)
    let mine = try take(region.buffer(byteCount: 64))
    let sent = try take(region.buffer(byteCount: 64))
    queue.inner.forged.append(forge(mine.name, region))
    check(queue.enqueue(sent) == nil)
    var burst = Burst()
    if inBursts { queue.dequeue(into: &burst) } else { burst.append(try take(queue.dequeue())) }
    check(burst.count == 1 && burst[0].offset == 64)
    #expect(violations.all.map(\.kind) == [.duplicateUp])
    #expect(violations.all.first?.call == .dequeue && violations.all.first?.stageBelow == "forger")
    burst.releaseAll()
    mine.release()
    check(queue.destroy().inFlightByteCount == 0)
  }

  @Test("another buffer comes back than was enqueued; what went down is found at the end")
  func handBack() throws {
    let region = try Region(byteCount: 4096)
    let violations = Violations()
    var queue = CheckedQueue(ForgingQueue(), report: violations.report)
    try queue.register(region)
    let mine = try take(region.buffer(byteCount: 64))
    queue.inner.returned = forge(mine.name, region)
    let refused = queue.enqueue(try take(region.buffer(byteCount: 64)))
    check(refused == nil)
    #expect(violations.all.map(\.kind) == [.handBackChanged, .duplicateUp])
    try take(queue.dequeue()).release()
    mine.release()
    queue.settle()
    check(queue.violationCount == 2 && queue.violationCount(of: .lost) == 0)
    // One that is brought home below is this side's again: it is cut anew and handed down, and nothing is missed.
    for _ in 0..<3 {
      check(queue.enqueue(try take(region.buffer(byteCount: 64))) == nil)
      try take(queue.inner.inner.dequeue()).release()
    }
    queue.settle()
    check(queue.violationCount == 2)
    // One that disappears below is missed.
    check(queue.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    _ = try take(queue.inner.inner.dequeue()).intoDescriptor()
    _ = queue.destroy()
    #expect(violations.all.last?.kind == .lost && violations.all.last?.byteCount == 64)
  }
}
