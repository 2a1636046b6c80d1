internal import CleanQ

// Everything in any order.

extension Bench where Peer: ~Copyable {
  mutating func runWalk() throws(Stop) {
    for _ in 0..<traits.stepCount { try walkOneStep() }
    try drain()
  }

  private mutating func walkOneStep() throws(Stop) {
    let few = Int.random(in: 1...4, using: &random)
    switch Int.random(in: 0..<16, using: &random) {
    case 0, 1, 2:
      try supply(1)
      try enqueueOne()
    case 3:
      try supply(few)
      try enqueueBurst(few)
    case 4 where !traits.dropsRuns:
      try mark((0..<few).map { _ in Int.random(in: 1...4, using: &random) })
      try enqueueBurst(hand.count)
    case 5:
      let count = Int.random(in: 1...Burst.capacity, using: &random)
      try supply(count)
      try enqueueBurst(count)
    case 6, 7: try peerTake(few)
    case 8, 9: try peerGive(few)
    case 10, 11: try dequeueOne()
    case 12: try dequeueBurst(occupied: Int.random(in: 0...Burst.capacity, using: &random))
    case 13: subject.notify()
    case 14: try tryDeregister()
    default:
      if few == 1 { try drain() } else { try splitOrRelease() }
    }
  }

  /// Deregister, at any moment: it succeeds if and only if nothing is away.
  private mutating func tryDeregister() throws(Stop) {
    guard isExact, traits.heldBackBufferCount == 0, Peer.kind != .mirrored || ledger.atPeer.isEmpty else { return }
    let away = ledger.away.byteCount
    let code = deregisterRegion()
    guard away == 0 else {
      return try require(
        .deregister, code == .elsewhere(byteCount: away), "\(away) bytes are away, and deregister gives \(text(code))")
    }
    try require(.deregister, code == nil, "nothing is away, and deregister gives \(text(code))")
    try replaceRegion()
  }

  private mutating func splitOrRelease() throws(Stop) {
    guard !traits.rewrites, hand.count > 0 else { return }
    let index = Int.random(in: 0..<hand.count, using: &random)
    guard var buffer = hand.remove(at: index) else { return }
    guard Bool.random(using: &random), buffer.byteCount > 1,
      let rest = buffer.split(at: Int.random(in: 1..<buffer.byteCount, using: &random))
    else { return buffer.release() }
    hand.append(buffer)
    hand.append(rest)
    try checkRest(.splitMerge)
  }
}
