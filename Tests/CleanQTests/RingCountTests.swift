import Testing
import TestSupport

@testable import CleanQ

@Suite("What a ring counts") struct RingCountTests {
  /// More than a word had room for that bytes and buffers shared; a ring may have 2³⁰ slots.
  @Test(
    "any number of buffers is counted as what it is, in flight and at the peer", arguments: [1 << 23, 1 << 24, 1 << 30])
  func manyBuffers(count: Int) throws {
    let region = try Region(byteCount: 1 << 30)
    let pair = try RingQueue.pair(slotCount: 2)
    let near = pair.first
    let far = pair.second
    try near.channel.register(region, by: .first)
    // As the data path counts them: so many of them need gigabytes of slots.
    near.link.countHanded(byteCount: count, bufferCount: count)
    var census = near.census()
    check(census.inFlightByteCount == count && census.inFlightBufferCount == count)
    far.link.countTaken(byteCount: count, bufferCount: count)
    census = near.census()
    check(census.inFlightByteCount == 0 && census.inFlightBufferCount == 0)
    check(census.atPeerByteCount == count && census.atPeerBufferCount == count)
    far.link.countHanded(byteCount: count, bufferCount: count)
    near.link.countTaken(byteCount: count, bufferCount: count)
    try near.channel.deregister(region.id, by: .first)
  }
}
