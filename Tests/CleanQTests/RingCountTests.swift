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
    var accounts = near.accounts()
    check(accounts.inFlightByteCount == count && accounts.inFlightBufferCount == count)
    far.link.countTaken(byteCount: count, bufferCount: count)
    accounts = near.accounts()
    check(accounts.inFlightByteCount == 0 && accounts.inFlightBufferCount == 0)
    check(accounts.atPeerByteCount == count && accounts.atPeerBufferCount == count)
    far.link.countHanded(byteCount: count, bufferCount: count)
    near.link.countTaken(byteCount: count, bufferCount: count)
    try near.channel.deregister(region.id, by: .first)
  }
}
