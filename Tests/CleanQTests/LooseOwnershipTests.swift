import Testing
import TestSupport

@testable import CleanQ

/// Failures that loose ownership has caused in other systems. Those of other modules are tested there; Contract.md lists
/// them all.
@Suite("Failures that loose ownership has caused") struct LooseOwnershipTests {
  @Test("failure 2: a range that is only partly inside is outside", arguments: [4095, 4096, 4097] as [UInt64])
  func partlyInside(offset: UInt64) {
    let descriptor = Descriptor(region: .none, offset: offset, byteCount: 2)
    #expect(descriptor.fault(regionByteCount: 4096) == .outsideRegion)
  }

  @Test("failure 4: a stale name is not taken for its successor's")
  func staleName() throws {
    func retired() throws -> RegionID { try Region(byteCount: 64).id }
    let stale = try retired()
    var successors: [RegionID] = []
    // Whichever slot the directory gives out, no region of the process is ever called so again.
    for _ in 0..<100 { successors.append(try Region(byteCount: 64).id) }
    #expect(!successors.contains(stale))
  }

  @Test("failure 5: each side keeps its own cursor, and does not read it back from shared memory")
  func privateCursor() throws {
    let region = try Region(byteCount: 4096)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    check(pair.first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    check(pair.first.link.producer.head == 1)
    // SAFETY: the cursor is inside the ring; the other side does not run.
    unsafe pair.first.channel.lanes[0].head.pointee.store(77, ordering: .relaxed)
    check(pair.first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    check(pair.first.link.producer.head == 2)
    let published = unsafe pair.first.channel.lanes[0].head.pointee.load(ordering: .relaxed)
    check(published == 2)
  }

  @Test("failure 6: a region is not released while it is mapped by a queue, or in flight")
  func releasedInFlight() throws {
    let region = try Region(byteCount: 4096)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    check(pair.first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    let refused = try take(region.release())
    check(refused.reason.code == .inUse(byteCount: 64))
    let kept = refused.take()
    check(kept.liveByteCount == 64 && kept.registrationCount == 1)
    check(pair.second.dequeue() != nil)
  }
}
