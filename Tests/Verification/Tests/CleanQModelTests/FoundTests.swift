import CleanQ
import Testing
import TestSupport

/// Where the model once found the queues and the contract to part.
@Suite("What the model found", .serialized) struct FoundTests {
  /// The contract, accounts: "in bytes and in buffers, at any time; at rest it is exact."
  @Test("buffers at the peer are counted when the peer has split one")
  func peerSplits() throws {
    let region = try Region(byteCount: 64)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    check(pair.first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    var buffer = try take(pair.second.dequeue())
    let rest = try take(buffer.split(at: 32))
    check(pair.second.enqueue(buffer) == nil)
    check(pair.second.enqueue(rest) == nil)
    let accounts = pair.first.accounts()
    check(accounts.inFlightByteCount == 64 && accounts.inFlightBufferCount == 2 && accounts.atPeerByteCount == 0)
    check(accounts.atPeerBufferCount == 0)
  }

  /// The contract, accounts and deregister: the byte is in S_X again, so nothing is elsewhere.
  @Test("bytes that the peer releases are the owner's again")
  func peerReleases() throws {
    let region = try Region(byteCount: 64)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    check(pair.first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    try take(pair.second.dequeue()).release()
    check(region.liveBufferCount == 0)
    check(pair.first.accounts().atPeerByteCount == 0 && pair.first.accounts().atPeerBufferCount == 0)
    check(pair.second.accounts().ownedByteCount == 0)
    try pair.first.deregister(region)
  }

  /// The contract, deregister: every byte in S_X, else an error and nothing changed.
  @Test("deregister sees what the peer enqueued and never took")
  func peerCarves() throws {
    let region = try Region(byteCount: 64)
    var pair = try RingQueue.pair(slotCount: 4)
    try pair.first.register(region)
    check(pair.second.enqueue(try take(region.buffer(byteCount: 64))) == nil)
    check(pair.first.accounts().inFlightByteCount == 64)
    #expect(throws: QueueError(.elsewhere(byteCount: 64))) { try pair.first.deregister(region) }
    check(pair.first.dequeue() != nil)
  }

  /// The contract, buffers: a retired id never names the region that took its place; no more should its account.
  @Test("a region that went away registered leaves no balance to the next one in its slot")
  func slotInherits() throws {
    var pair = try RingQueue.pair(slotCount: 4)
    func abandon() throws -> Int {
      let region = try Region(byteCount: 64)
      try pair.first.register(region)
      check(pair.first.enqueue(try take(region.buffer(byteCount: 64))) == nil)
      return region.id.slot
    }
    let slot = try abandon()
    try take(pair.second.dequeue()).release()
    let next = try Region(byteCount: 64)
    // Another test may have been given the slot meanwhile.
    guard next.id.slot == slot else { return }
    try pair.first.register(next)
    check(pair.first.accounts().atPeerByteCount == 0)
    try pair.first.deregister(next)
  }

  /// The contract, operations: "full" asks the caller to try again, "bad" tells it not to.
  @Test("on a full ring a burst of one and a single give the same reason")
  func reasons() throws {
    let region = try Region(byteCount: 256)
    let stranger = try Region(byteCount: 64)
    var pair = try RingQueue.pair(slotCount: 2)
    try pair.first.register(region)
    for _ in 0..<2 { check(pair.first.enqueue(try take(region.buffer(byteCount: 64))) == nil) }
    let refused = try take(pair.first.enqueue(try take(stranger.buffer(byteCount: 64))))
    check(refused.reason == .unknownRegion)
    var burst = Burst()
    burst.append(refused.take())
    let reason = pair.first.enqueue(&burst)
    burst.releaseAll()
    check(reason == .unknownRegion)
  }
}
