internal import CleanQ

// What the other side does with a buffer that passes no queue: it releases or splits it.

extension Bench where Peer: ~Copyable {
  mutating func runFarSide() throws(Stop) {
    guard Peer.kind == .driven, !traits.isElastic else { return }
    try supply(3)
    for _ in 0..<min(3, capacity ?? 3) { try enqueueOne() }
    try peerTake(.max)
    guard let first = ledger.atPeer.first else { return }
    journal.note("the other side releases \(first.text)")
    guard peer.bringHome() else { return }
    ledger.atPeer.removeFirst()
    // The byte was returned, so it is this side's again: the accounts have it here, and nothing of it is elsewhere.
    try checkRest(.conservation)
    if !traits.rewrites { try peerSplits() }
    while let next = ledger.atPeer.first {
      journal.note("the other side releases \(next.text)")
      guard peer.bringHome() else { return }
      ledger.atPeer.removeFirst()
      try checkRest(.conservation)
    }
    try drain()
    let code = deregisterRegion()
    try require(.deregister, code == nil, "the other side released its buffers, and deregister gives \(text(code))")
  }

  /// Buffers that get to the other side, or come back from it, by another way than the queue: the accounts say where buffers are, and
  /// not how many passed.
  mutating func runPastTheQueue() throws(Stop) {
    guard Peer.kind == .driven, Peer.hasOwnEnd, isExact, !traits.rewrites, !traits.seesEveryBuffer, capacity ?? 2 >= 2
    else { return }
    // One goes there through the queue and stays, one comes back that got there past it: the two must not cancel.
    try supply(2)
    try enqueueOne()
    try peerTake(1)
    guard let second = hand.popFirst() else { return }
    let name = second.name
    journal.note("\(name.text) reaches the other side without passing the queue, and is enqueued there")
    if let refused = peer.hand(second) {
      let reason = refused.reason
      hand.append(refused.take())
      throw journal.fail(.regions, "a buffer of a registered region was refused as \(reason)")
    }
    ledger.inward.append(name)
    try checkRest(.conservation)
    try dequeueOne()
    let away = ledger.atPeer.byteCount
    let code = deregisterRegion()
    try require(
      .deregister, code == .elsewhere(byteCount: away), "\(away) bytes are away, and deregister gives \(text(code))")
    try drain()
    try runLaps()
  }

  /// A buffer goes there through the queue and comes back past it, again and again. The queue learns of that when it is next enqueued.
  private mutating func runLaps() throws(Stop) {
    try supply(1)
    for lap in 1...3 {
      journal.note("lap \(lap)")
      try enqueueOne()
      try peerTake(1)
      guard let buffer = peer.passBack() else { return }
      ledger.atPeer.removeFirst()
      hand.prepend(buffer)
      prepare(0)
    }
    try enqueueOne()
    try drain()
    let code = deregisterRegion()
    try require(.deregister, code == nil, "every buffer is back, and deregister gives \(text(code))")
  }

  /// Two buffers where there was one, on the other side, in flight, and here.
  private mutating func peerSplits() throws(Stop) {
    guard let whole = ledger.atPeer.first, peer.split(at: 1) else { return }
    journal.note("the other side cuts \(whole.text) at 1")
    var first = whole
    first.byteCount = 1
    first.validOffset = min(whole.validOffset, 1)
    first.validByteCount = min(whole.validOffset + whole.validByteCount, 1) - first.validOffset
    var rest = whole
    rest.offset += 1
    rest.byteCount -= 1
    rest.validOffset = max(whole.validOffset, 1) - 1
    rest.validByteCount = whole.validByteCount - first.validByteCount
    ledger.atPeer.replaceSubrange(0..<1, with: [first, rest])
    try checkRest(.splitMerge)
    try peerGive(1)
    try dequeueOne()
    try peerGive(1)
    try dequeueOne()
  }
}
