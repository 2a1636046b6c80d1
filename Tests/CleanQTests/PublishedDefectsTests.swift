import CleanQ
import Testing
import TestSupport

/// Defects of the published C code that must not exist here. Those of other modules are tested there; Contract.md lists
/// them all.
@Suite("Defects of the published C code") struct PublishedDefectsTests {
  @Test("defect: any non-zero flag was taken as a command, so that a LAST buffer deregistered its region")
  func marksAreNoCommands() throws {
    let region = try Region(byteCount: 64 * 8)
    var pair = try RingQueue.pair(slotCount: 8)
    try pair.first.register(region)
    for raw in 0..<8 as Range<UInt32> {
      var buffer = try take(region.buffer(byteCount: 64))
      buffer.flags = BufferFlags(rawValue: raw).union(.last)
      check(pair.first.enqueue(buffer) == nil)
      check(region.registrationCount == 1)
      let there = try take(pair.second.dequeue())
      check(there.flags == BufferFlags(rawValue: raw).union(.last).intersection(.all))
      check(pair.second.enqueue(there) == nil)
      try take(pair.first.dequeue()).release()
    }
    check(region.registrationCount == 1)
  }

  @Test("defect: a failed register leaked the region")
  func failedRegister() throws {
    let region = try Region(byteCount: 4096)
    var pair = try RingQueue.pair(slotCount: 8)
    try pair.first.register(region)
    for _ in 0..<3 { #expect(throws: QueueError.self) { try pair.second.register(region) } }
    check(region.registrationCount == 1)
    try pair.first.deregister(region)
    check(region.registrationCount == 0)
    check(region.release() == nil)
  }

  @Test("defect: a refused enqueue lost the buffer on drop paths")
  func refusedEnqueue() throws {
    let region = try Region(byteCount: 64 * 80)
    var pair = try RingQueue.pair(slotCount: 2)
    try pair.first.register(region)
    var burst = Burst()
    for _ in 0..<Burst.capacity { burst.append(try take(region.buffer(byteCount: 64))) }
    check(pair.first.enqueue(&burst) == .full)
    check(burst.count == Burst.capacity - 2)
    for _ in 0..<burst.count {
      let buffer = try take(burst.popFirst())
      let refused = try take(pair.first.enqueue(buffer))
      burst.append(refused.take())
    }
    check(burst.count == Burst.capacity - 2)
    check(region.liveBufferCount == Burst.capacity && region.leakedBufferCount == 0)
  }

  @Test("failure 7, defect: a peer could keep the other side busy without bound")
  func boundedCalls() throws {
    let region = try Region(byteCount: 64 * 256)
    var pair = try RingQueue.pair(slotCount: 256)
    try pair.second.register(region)
    for _ in 0..<200 { check(pair.second.enqueue(try take(region.buffer(byteCount: 64))) == nil) }
    var burst = Burst()
    pair.first.dequeue(into: &burst)
    check(burst.count == Burst.capacity)
    // A full burst takes nothing more, and the queue keeps the rest.
    pair.first.dequeue(into: &burst)
    check(burst.count == Burst.capacity)
    check(pair.first.accounts().inFlightBufferCount == 200 - Burst.capacity)
  }
}
