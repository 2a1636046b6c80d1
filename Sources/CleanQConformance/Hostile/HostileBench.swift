internal import CleanQ

/// A queue, a hostile peer, and what the suite knows about the buffers; nothing that the peer says is used.
struct HostileBench<Peer: HostilePeer & ~Copyable>: ~Copyable {
  var subject: Peer.Subject
  var peer: Peer
  let journal: Journal
  let traits: Traits
  let region: Region
  var random: SeededRandom

  /// S_X: what the suite owns.
  var hand = Hand()
  /// What was enqueued and has not come back, by whole extents.
  var away: [Descriptor] = []

  init(
    _ pairing: consuming HostilePairing<Peer>, _ journal: Journal, _ traits: Traits, region: consuming Region
  ) {
    subject = pairing.subject
    peer = pairing.peer
    self.journal = journal
    self.traits = traits
    self.region = region
    random = SeededRandom(state: journal.seed)
  }

  func require(_ holds: Bool, _ message: @autoclosure () -> String) throws(Stop) {
    try journal.require(.hostilePeer, holds, message())
  }

  mutating func registerRegion() throws(Stop) {
    do { try subject.register(region) } catch { throw journal.fail(.setUp, "a region was refused: \(error)") }
  }

  // MARK: Operations

  /// Hands over up to `count` buffers in a burst.
  mutating func enqueue(_ count: Int) throws(Stop) {
    var burst = Burst()
    while burst.count < min(count, Burst.capacity) {
      var next = hand.popFirst()
      if next == nil { next = region.buffer(byteCount: traits.bufferByteCount) }
      guard var buffer = next.take() else { break }
      buffer.reset()
      peer.prepare(&buffer)
      burst.append(buffer)
    }
    let names = (0..<burst.count).map { burst[$0].name }
    journal.note("enqueue \(names.count)")
    _ = subject.enqueue(&burst)
    let taken = names.count - burst.count
    journal.noteResult("\(taken) taken")
    away += names.prefix(max(0, taken))
    while let buffer = burst.popFirst() { hand.append(buffer) }
    subject.notify()
    try checkRest()
  }

  /// Takes a burst, and looks at each buffer of it.
  ///
  /// - Returns: how many came.
  @discardableResult
  mutating func dequeue() throws(Stop) -> Int {
    journal.note("dequeue a burst")
    let before = peer.noticedCount(by: subject)
    var burst = Burst()
    subject.dequeue(into: &burst)
    let count = burst.count
    let noticed = peer.noticedCount(by: subject) &- before
    journal.noteResult("\(count), \(noticed) invalid answers")
    try accept(&burst)
    try require(
      noticed <= UInt64(Burst.capacity),
      "one call looked at \(noticed) invalid answers: more than the \(Burst.capacity) of a burst")
    try checkRest()
    return count
  }

  /// Takes what came into the hand: each must have been lent, as it was lent.
  mutating func accept(_ burst: inout Burst) throws(Stop) {
    while let buffer = burst.popFirst() {
      let name = buffer.name
      guard hand.names.overlapping(name) == nil else {
        quarantine(buffer, and: &burst)
        throw journal.fail(.hostilePeer, "\(name.text) was delivered, which this side owns")
      }
      guard let place = away.firstIndex(where: { $0.isSameStart(as: name) && $0.byteCount == name.byteCount }) else {
        quarantine(buffer, and: &burst)
        throw journal.fail(.hostilePeer, "\(name.text) was delivered, which was never enqueued like this")
      }
      if let fault = name.fault(regionByteCount: UInt64(region.byteCount)) {
        quarantine(buffer, and: &burst)
        throw journal.fail(.hostilePeer, "\(name.text) was delivered, which is \(fault)")
      }
      away.remove(at: place)
      hand.append(buffer)
    }
  }

  private func quarantine(_ buffer: consuming Buffer, and burst: inout Burst) {
    Quarantine.take(buffer)
    while let rest = burst.popFirst() { Quarantine.take(rest) }
  }

  /// What holds after each operation: no byte is lost, and the accounts say where each is.
  func checkRest() throws(Stop) {
    let known = hand.byteCount(of: region.id) + away.byteCount(of: region.id)
    let live = region.liveByteCount
    try require(live == known, "\(known) bytes were made into buffers, \(live) are in buffers that exist: one was lost")
    let accounts = subject.accounts()
    let elsewhere = accounts.inFlightByteCount + accounts.atPeerByteCount
    try require(
      elsewhere == away.byteCount(of: region.id),
      "\(away.byteCount(of: region.id)) bytes are away, the accounts say \(elsewhere)")
    try require(accounts.registeredByteCount == region.byteCount, "the accounts say that a region was lost")
  }

  // MARK: The end

  /// Everything comes home.
  mutating func runEnd() throws(Stop) {
    journal.note("the other side vanishes")
    peer.vanish(from: &subject)
    var idleCount = 0
    while !away.isEmpty, idleCount < 4 { idleCount = try dequeue() > 0 ? 0 : idleCount + 1 }
    try require(
      away.isEmpty || !Peer.returnsWhenVanished,
      "the other side has vanished, and \(away.count) buffers that it had never came back")
  }

  /// The queue ends with what it keeps, and every byte is home.
  consuming func finish() throws(Stop) {
    journal.note("destroy")
    let region = self.region
    let journal = self.journal
    let ownByteCount = hand.byteCount(of: region.id)
    _ = subject.destroy()
    endLifetime(of: peer)
    let live = region.liveByteCount
    try journal.require(
      .hostilePeer, live == ownByteCount, "the queue has gone, and \(live - ownByteCount) bytes were never returned")
    hand.releaseAll()
  }

  /// After a violation: what can still be taken is taken, so that a forged buffer is not brought home.
  consuming func abandon() {
    for _ in 0..<4096 {
      guard let buffer = subject.dequeue() else { break }
      Quarantine.take(buffer)
    }
  }
}
