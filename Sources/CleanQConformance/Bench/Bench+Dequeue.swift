internal import CleanQ

extension Bench where Peer: ~Copyable {
  /// Takes one buffer.
  ///
  /// - Returns: whether there was one.
  @discardableResult
  mutating func dequeueOne() throws(Stop) -> Bool {
    journal.note("dequeue")
    guard let buffer = subject.dequeue() else {
      journal.noteResult("nothing")
      guard isExact else { return false }
      let first = ledger.inward.first?.text ?? ""
      try require(
        .conservation, ledger.inward.isEmpty, "\(ledger.inward.count) were handed back, \(first) first; none came")
      return false
    }
    journal.noteResult(buffer.name.text)
    try accept(buffer)
    try checkRest(.conservation)
    return true
  }

  /// Takes a burst, behind up to `occupied` buffers that are in it already.
  ///
  /// - Returns: how many there were.
  @discardableResult
  mutating func dequeueBurst(occupied: Int = 0) throws(Stop) -> Int {
    var burst = Burst()
    var names: [Descriptor] = []
    while burst.count < occupied, let buffer = hand.popFirst() {
      names.append(buffer.name)
      burst.append(buffer)
    }
    journal.note("dequeue a burst behind \(names.count)")
    let expected = min(ledger.inward.count, burst.room)
    subject.dequeue(into: &burst)
    let count = burst.count - names.count
    journal.noteResult("\(count)")
    let found = (0..<min(names.count, burst.count)).map { burst[$0].name }
    for _ in names { if let buffer = burst.popFirst() { try keep(buffer, .exclusion, atEnd: true) } }
    try require(.bursts, found == names, "what was in the burst before is no longer in front")
    while let buffer = burst.popFirst() { try accept(buffer) }
    if isExact { try require(.bursts, count == expected, "\(expected) fitted and were there, \(count) came") }
    try checkRest(.conservation)
    return count
  }

  /// Checks a delivered buffer against the ledger, and takes it into the hand.
  private mutating func accept(_ buffer: consuming Buffer) throws(Stop) {
    let name = buffer.name
    if let owned = hand.names.overlapping(name) {
      Quarantine.take(buffer)
      throw journal.fail(.exclusion, "\(name.text) was delivered, of which this side owns \(owned.text)")
    }
    guard let place = ledger.away.firstIndex(where: { $0.isSameStart(as: name) }) else {
      Quarantine.take(buffer)
      throw journal.fail(.exclusion, "\(name.text) was delivered, which was never enqueued")
    }
    let expected = ledger.away[place]
    let hasBytes = buffer.hasTag
    guard name.byteCount == expected.byteCount else {
      // Whose the bytes beyond are, nobody knows.
      if name.byteCount > expected.byteCount { Quarantine.take(buffer) } else { hand.append(buffer) }
      throw journal.fail(.integrity, "enqueued \(expected.text), got \(name.text)")
    }
    hand.append(buffer)
    try checkPlace(place, of: name)
    ledger.remove(at: place)
    guard !traits.rewrites else { return }
    try require(.integrity, name == expected, "enqueued \(expected.text), got \(name.text)")
    try require(.integrity, hasBytes, "the bytes of \(name.text) have changed on the way")
  }

  /// Whether it was this one's turn; what overtook it tells whether it was lost or only late.
  private mutating func checkPlace(_ place: Int, of name: Descriptor) throws(Stop) {
    guard place > traits.heldBackBufferCount else {
      let isThere = !isExact || place < ledger.inward.count
      try require(.exclusion, isThere, "\(name.text) was delivered before the other side gave it back")
      return journal.hold(.order)
    }
    let awaited = ledger.away[0]
    var later: [Descriptor] = []
    for _ in 0..<64 {
      guard let buffer = subject.dequeue() else { break }
      later.append(buffer.name)
      if hand.names.overlapping(buffer.name) == nil { hand.append(buffer) } else { Quarantine.take(buffer) }
    }
    if later.contains(where: { $0.isSameStart(as: awaited) }) {
      throw journal.fail(.order, "\(name.text) came before \(awaited.text), which was enqueued earlier")
    }
    throw journal.fail(.conservation, "\(awaited.text) did not come; \(name.text) did, and others after it")
  }

  // MARK: The other side

  /// Lets the other side take up to `count` buffers.
  mutating func peerTake(_ count: Int) throws(Stop) {
    guard Peer.kind == .driven || Peer.kind == .mirrored else { return }
    journal.note("the other side takes \(count == .max ? "all" : "\(count)")")
    let names = peer.take(count, from: &subject)
    if traits.dropsRuns, count == .max { returnDroppedRuns(except: names) }
    let expected = Array(ledger.outward.prefix(count))
    journal.noteResult("\(names.count)")
    for (index, name) in names.enumerated() {
      guard index < expected.count else {
        throw journal.fail(.exclusion, "the other side was given \(name.text), which was not enqueued")
      }
      if name == expected[index] || traits.rewrites && name.isSameStart(as: expected[index]) {
        journal.hold(.order)
        continue
      }
      if name.isSameStart(as: expected[index]) {
        throw journal.fail(.integrity, "enqueued \(expected[index].text), the other side got \(name.text)")
      }
      // Lost, or only late: what else there is tells.
      let later = names + peer.take(.max, from: &subject)
      let isLate = later.contains { $0.isSameStart(as: expected[index]) }
      let isTwice = names.prefix(index).contains { $0.isSameStart(as: name) }
      throw journal.fail(
        isTwice ? .exclusion : isLate ? .order : .conservation,
        "the other side was given \(name.text) and not \(expected[index].text)")
    }
    try require(
      .conservation, names.count == expected.count || traits.keepsOverflow,
      "\(expected.count) were enqueued and the other side was given \(names.count)")
    ledger.outward.removeFirst(names.count)
    ledger.atPeer += traits.rewrites ? Array(expected.prefix(names.count)) : names
    try checkRest(.conservation)
  }

  /// What a layer drops never reaches the other side: it is there to be taken, before all else.
  private mutating func returnDroppedRuns(except given: [Descriptor]) {
    var kept: [Descriptor] = []
    var dropped: [Descriptor] = []
    var isInRun = false
    for name in ledger.outward {
      let isLast = name.flags.contains(.last)
      let isDropped = (isInRun || !isLast) && !given.contains { $0.isSameStart(as: name) }
      if isDropped { dropped.append(name) } else { kept.append(name) }
      isInRun = !isLast
    }
    ledger.outward = kept
    ledger.inward.insert(contentsOf: dropped, at: 0)
  }

  /// Lets the other side hand up to `count` buffers back.
  mutating func peerGive(_ count: Int) throws(Stop) {
    guard Peer.kind != .builtIn else { return }
    journal.note("the other side gives \(count == .max ? "all" : "\(count)") back")
    let given = peer.giveBack(count, to: &subject)
    journal.noteResult("\(given)")
    guard Peer.kind != .device else { return }
    let most = min(count, ledger.atPeer.count)
    try require(.conservation, given <= most, "\(given) were given back of \(most)")
    ledger.inward += ledger.atPeer.prefix(given)
    ledger.atPeer.removeFirst(given)
    if let capacity, isExact {
      try require(
        .capacity, ledger.inward.count <= capacity || given == 0, "\(ledger.inward.count) fitted in \(capacity)")
    }
    try checkRest(.conservation)
  }
}

extension Ledger {
  mutating func remove(at place: Int) {
    if place < inward.count {
      inward.remove(at: place)
    } else if place < inward.count + atPeer.count {
      atPeer.remove(at: place - inward.count)
    } else {
      outward.remove(at: place - inward.count - atPeer.count)
    }
  }
}
