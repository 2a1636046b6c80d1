import CleanQ
import Testing
import TestSupport

@Suite("Either side of a port as a queue") struct PortQueueTests {
  @Test("what one end of an interlink enqueues on its transmit side the other dequeues on its receive side, and back")
  func interlink() throws {
    let region = try Region(byteCount: 64 * 64)
    let pair = try RingPort<Frame>.pair(slotCount: 64)
    var sender = PortQueue(.transmit, of: pair.first)
    var receiver = PortQueue(.receive, of: pair.second)
    try sender.register(region)
    for _ in 0..<40 { check(sender.enqueue(try take(region.buffer(byteCount: 64))) == nil) }
    sender.notify()
    var burst = Burst()
    let first = try take(receiver.dequeue())
    check(first.offset == 0)
    receiver.dequeue(into: &burst)
    check(burst.count == 32 && burst[0].offset == 64)
    check(receiver.enqueue(first) == nil && receiver.enqueue(&burst) == nil)
    let back = try take(sender.dequeue())
    check(back.offset == 0)
    let accounts = sender.accounts()
    check(accounts.registeredByteCount == region.byteCount)
    back.release()
  }

  @Test("a refused buffer comes back with the reason")
  func refused() throws {
    let region = try Region(byteCount: 64 * 64)
    let stranger = try Region(byteCount: 64)
    var queue = PortQueue(.transmit, of: LoopbackPort<Frame>())
    try queue.register(region)
    check(try take(queue.enqueue(try take(stranger.buffer(byteCount: 64)))).reason == .unknownRegion)
    for _ in 0..<Burst.capacity { check(queue.enqueue(try take(region.buffer(byteCount: 64))) == nil) }
    check(try take(queue.enqueue(try take(region.buffer(byteCount: 64)))).reason == .full)
  }
}
