internal import CleanQ

// Buffers of regions that the queue does not know.

extension Bench where Peer: ~Copyable {
  /// Hands over the first buffer of the hand, whose region is not registered.
  mutating func requireStrangerRefused(_ rule: Rule, _ whose: String) throws(Stop) {
    guard let buffer = hand.popFirst() else { return }
    let name = buffer.name
    journal.note("enqueue \(name.text) of \(whose)")
    guard let refused = subject.enqueue(buffer) else {
      ledger.accept(name, Peer.kind)
      throw journal.fail(rule, "a buffer of \(whose) was taken")
    }
    let reason = refused.reason
    let back = refused.take()
    let backName = back.name
    hand.append(back)
    try require(.handBack, backName == name, "enqueued \(name.text), got \(backName.text) back")
    try require(rule, reason == .unknownRegion, "a buffer of \(whose) was refused as \(reason)")
    try checkRest(rule)
  }

  private mutating func refuseStranger(_ buffer: consuming Buffer?) throws(Stop) {
    guard let buffer else { return }
    hand.prepend(buffer)
    prepare(0)
    try requireStrangerRefused(.regions, "a region that is not registered")
  }

  mutating func runStrangers() throws(Stop) {
    guard let other = try? Region(byteCount: 8192 + 4 * traits.bufferByteCount) else { return }
    // Their slots differ in the low bits too.
    let second = try? Region(byteCount: 8192 + traits.bufferByteCount)
    let third = try? Region(byteCount: 8192 + traits.bufferByteCount)
    try refuseStranger(other.buffer(byteCount: traits.bufferByteCount))
    try refuseStranger(second?.buffer(byteCount: traits.bufferByteCount))
    try refuseStranger(third?.buffer(byteCount: traits.bufferByteCount))
    let (own, kept) = (region.id, other.id)
    hand.releaseAll { $0 != own && $0 != kept }
    guard let stranger = hand.takeAny(of: other.id) else {
      return hand.releaseAll(of: other.id)
    }
    // In the middle of a burst it stops those behind it, and none before.
    hand.releaseAll(of: other.id)
    let held = traits.heldBackBufferCount
    try supply(3 + held)
    for _ in 0..<held { try enqueueOne() }
    try drain()
    try supply(3)
    var burst = Burst()
    guard let first = hand.popFirst(), let last = hand.popFirst() else { return }
    let names = [first.name, stranger.name, last.name]
    burst.append(first)
    burst.append(stranger)
    burst.append(last)
    journal.note("enqueue a burst of 3, the second of a region that is not registered")
    let refusal = subject.enqueue(&burst)
    let left = (0..<burst.count).map { burst[$0].name }
    for name in names.prefix(3 - left.count) { ledger.accept(name, Peer.kind) }
    while let buffer = burst.popFirst() { hand.append(buffer) }
    try require(.regions, left.contains { $0.region == other.id }, "a buffer of an unknown region was taken in a burst")
    try require(.regions, refusal == .unknownRegion, "it was refused as \(refusal.map { "\($0)" } ?? "nothing")")
    try require(.handBack, left == Array(names.suffix(2)), "left of the burst are \(left.map(\.text))")
    hand.releaseAll(of: other.id)
    try checkRest(.conservation)
    try drain()
  }

  /// the contract: "the id is dead for ever". A region goes while it is registered; the next one in its slot is another region.
  mutating func runGenerations() throws(Stop) {
    for _ in 0..<20 {
      guard let id = registerAndForget(), let next = successor(of: id) else { continue }
      guard let buffer = next.buffer(byteCount: traits.bufferByteCount) else { return }
      hand.prepend(buffer)
      prepare(0)
      journal.note("\(id) was released, and \(next.id) took its slot")
      guard let offered = hand.popFirst() else { return }
      guard let refused = subject.enqueue(offered) else {
        throw journal.fail(.generation, "\(next.id) was never registered, and its buffer was taken for one of \(id)")
      }
      let reason = refused.reason
      refused.take().release()
      try require(.generation, reason == .unknownRegion, "a buffer of \(next.id) was refused as \(reason)")
      return
    }
    skip(.generation, "no slot of the region directory could be used again")
  }

  /// Registers a region that then goes.
  private mutating func registerAndForget() -> RegionID? {
    guard let region = try? Region(byteCount: 4096), register(region) == nil else { return nil }
    return region.id
  }

  /// A region in the slot of one that has gone.
  private func successor(of id: RegionID) -> Region? {
    // The directory gives the lowest slot that is free; another thread may be quicker.
    guard let region = try? Region(byteCount: 4096 + traits.bufferByteCount), region.id.slot == id.slot else {
      return nil
    }
    return region
  }
}

extension Hand {
  /// Takes a buffer of one region.
  mutating func takeAny(of region: RegionID) -> Buffer? {
    guard let index = names.firstIndex(where: { $0.region == region }) else { return nil }
    return remove(at: index)
  }
}
