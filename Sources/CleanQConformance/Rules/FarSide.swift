internal import CleanQ

// What the other side does with a buffer that passes no queue: it brings it home, or cuts it.

extension Bench where Peer: ~Copyable {
  mutating func runFarSide() throws(Stop) {
    guard Peer.kind == .driven, !traits.isElastic else { return }
    try supply(3)
    for _ in 0..<min(3, capacity ?? 3) { try enqueueOne() }
    try peerTake(.max)
    guard let first = ledger.atPeer.first else { return }
    journal.note("the other side brings \(first.text) home")
    guard peer.bringHome() else { return }
    ledger.atPeer.removeFirst()
    // The byte came home, so it is this side's again: the census has it here, and nothing of it is elsewhere.
    try checkRest(.conservation)
    if !traits.rewrites { try peerSplits() }
    while let next = ledger.atPeer.first {
      journal.note("the other side brings \(next.text) home")
      guard peer.bringHome() else { return }
      ledger.atPeer.removeFirst()
      try checkRest(.conservation)
    }
    try drain()
    let code = deregisterRegion()
    try require(.deregister, code == nil, "the other side brought its buffers home, and deregister gives \(text(code))")
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
