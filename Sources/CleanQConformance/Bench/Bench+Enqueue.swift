internal import CleanQ

extension Bench where Peer: ~Copyable {
  /// Hands over the first buffer of the hand, and checks what comes of it.
  ///
  /// - Returns: nil where it was taken, else the reason.
  @discardableResult
  mutating func enqueueOne() throws(Stop) -> Refusal? {
    guard var buffer = hand.popFirst() else { return nil }
    if !traits.rewrites { buffer.writeTag() }
    let name = buffer.name
    journal.note("enqueue \(name.text)")
    guard let refused = subject.enqueue(buffer) else {
      ledger.accept(name, Peer.kind)
      // What vanishes from a full queue is one that should have been handed back.
      if let capacity, isExact, outwardCount > capacity {
        try checkHome(.handBack)
      } else {
        try checkHome(.conservation)
      }
      try checkRoom()
      try require(.runs, name.flags.contains(.last), "a buffer without its run's end was taken")
      try checkRest(.conservation)
      return nil
    }
    let reason = refused.reason
    let back = refused.take()
    let backName = back.name
    journal.noteResult("refused, \(reason)")
    try keep(back, .handBack)
    try require(.handBack, backName == name, "enqueued \(name.text), got \(backName.text) back")
    try checkReason(reason, name)
    try checkRest(.handBack)
    return reason
  }

  /// Hands over the first `count` buffers of the hand in a burst, and checks what comes of it.
  ///
  /// - Returns: nil where all were taken, else the reason.
  @discardableResult
  mutating func enqueueBurst(_ count: Int) throws(Stop) -> Refusal? {
    var burst = Burst()
    while burst.count < min(count, Burst.capacity), var buffer = hand.popFirst() {
      if !traits.rewrites { buffer.writeTag() }
      burst.append(buffer)
    }
    let names = (0..<burst.count).map { burst[$0].name }
    let ends = String(names.map { $0.flags.contains(.last) ? "|" : "." })
    journal.note("enqueue a burst of \(names.count), runs \(ends)")
    let refusal = subject.enqueue(&burst)
    var left: [Descriptor] = []
    var back = Hand()
    while let buffer = burst.popFirst() {
      left.append(buffer.name)
      back.append(buffer)
    }
    journal.noteResult("\(left.count) left\(refusal.map { ", \($0)" } ?? "")")
    let taken = max(0, names.count - left.count)
    for name in names.prefix(taken) { ledger.accept(name, Peer.kind) }
    while let buffer = back.popLast() { try keep(buffer, .handBack) }
    try require(
      .handBack, left == Array(names.suffix(left.count)),
      "what is left of a burst is not its unchanged end: \(left.map(\.text))")
    try require(
      .handBack, (refusal == nil) == left.isEmpty, "\(left.count) are left, and the answer is \(text(refusal))")
    try checkTaken(taken, names, refusal)
    try checkRest(.handBack)
    return refusal
  }

  private func text(_ refusal: Refusal?) -> String { refusal.map { "\($0)" } ?? "that all were taken" }

  /// Whether as many whole runs were taken as fit.
  private func checkTaken(_ taken: Int, _ names: [Descriptor], _ refusal: Refusal?) throws(Stop) {
    let isChained = names.contains { !$0.flags.contains(.last) }
    if isChained {
      try require(
        .runs, taken == 0 || names[taken - 1].flags.contains(.last), "a run was cut in two: \(taken) of its burst taken"
      )
    }
    guard isExact, !hasPeerLeft else { return }
    guard let capacity else { return }
    let room = capacity - (outwardCount - taken)
    let fitting = min(max(0, room), names.count)
    let expected = names.prefix(fitting).lastIndex { $0.flags.contains(.last) }.map { $0 + 1 } ?? 0
    let rule: Rule = isChained ? .runs : .bursts
    try require(rule, taken == expected, "\(room) slots were free, \(expected) buffers were to be taken, \(taken) were")
    guard let refusal else { return }
    let isHopeless = fitting == names.count || room == capacity && expected == 0
    try require(
      isChained ? .runs : .handBack, refusal == (isHopeless ? .incompleteChain : .full),
      "\(room) slots of \(capacity) were free and \(names.count - taken) buffers were refused as \(refusal)")
  }

  private func checkRoom() throws(Stop) {
    guard isExact, let capacity else { return }
    try require(.capacity, outwardCount <= capacity, "\(outwardCount) buffers were taken where \(capacity) fit")
  }

  private func checkReason(_ reason: Refusal, _ name: Descriptor) throws(Stop) {
    if hasPeerLeft { return try require(.peerGone, reason == .closed, "refused as \(reason), not as closed") }
    guard name.flags.contains(.last) else {
      return try require(.runs, reason == .incompleteChain, "a buffer without its run's end was refused as \(reason)")
    }
    try require(
      .register, reason != .unknownRegion, "a buffer of a registered region was refused as one of an unknown region")
    try require(.handBack, reason == .full, "a good buffer was refused as \(reason)")
    guard isExact, let capacity else { return }
    try require(.capacity, outwardCount == capacity, "refused as full with \(outwardCount) of \(capacity) slots taken")
  }

  /// Puts a buffer into the hand, unless its bytes belong to somebody else.
  mutating func keep(_ buffer: consuming Buffer, _ rule: Rule, atEnd: Bool = false) throws(Stop) {
    let name = buffer.name
    if let owned = hand.names.overlapping(name) {
      Quarantine.take(buffer)
      throw journal.fail(.exclusion, "\(name.text) was delivered, of which this side owns \(owned.text)")
    }
    if atEnd { hand.append(buffer) } else { hand.prepend(buffer) }
  }
}

extension Ledger {
  /// A buffer was enqueued.
  mutating func accept(_ name: Descriptor, _ kind: PeerKind) {
    if kind == .builtIn { inward.append(name) } else { outward.append(name) }
  }
}
