import CleanQ
import CleanQConformance
import Testing

// How somebody else's stage is put through the suite. This file is the example that the documentation points to.

/// A stage of a third party's, on any queue: it passes on every buffer and keeps the largest length that it saw.
struct HighWaterQueue<Lower: Queue & ~Copyable>: Queue, ~Copyable {
  var lower: Lower
  private(set) var largestByteCount = 0

  init(on lower: consuming Lower) { self.lower = lower }

  // Registration passes through every layer, down to the last.
  mutating func register(_ region: borrowing Region) throws(QueueError) { try lower.register(region) }
  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try lower.deregister(region) }

  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    let byteCount = buffer.byteCount
    // What is refused goes back as it came, and is not counted.
    if let refused = lower.enqueue(buffer) { return refused }
    largestByteCount = max(largestByteCount, byteCount)
    return nil
  }

  mutating func enqueue(_ burst: inout Burst) -> Refusal? {
    let names = (0..<burst.count).map { burst[$0].byteCount }
    let refusal = lower.enqueue(&burst)
    largestByteCount = names.prefix(names.count - burst.count).reduce(largestByteCount, max)
    return refusal
  }

  mutating func dequeue() -> Buffer? { lower.dequeue() }
  mutating func dequeue(into burst: inout Burst) { lower.dequeue(into: &burst) }
  mutating func notify() { lower.notify() }
  mutating func control(_ request: ControlRequest) throws(QueueError) { try lower.control(request) }
  func accounts() -> BufferAccounts { lower.accounts() }
}

@Suite("Conformance: an example of a third party's stage") struct ExampleStageTests {
  @Test("over a loopback")
  func loopback() {
    let report = Conformance.check(
      "high water", Traits(capacity: 32), loopback: { HighWaterQueue(on: LoopbackQueue()) })
    #expect(report.isConforming, "\(report)")
  }

  @Test("over one end of a ring, on top of itself")
  func ring() {
    let report = Conformance.check("high water over a ring", Traits(capacity: 8)) {
      let pair = try RingQueue.pair(slotCount: 8)
      return Ends(HighWaterQueue(on: HighWaterQueue(on: pair.first)), pair.second)
    }
    #expect(report.isConforming, "\(report)")
    // A report says what it could not ask.
    #expect(report.notApplicable.keys.contains(.hostilePeer))
  }
}
