internal import CleanQ

extension Bench where Peer: ~Copyable {
  /// What holds whenever no operation is under way: no byte went home by itself, and the accounts are exact.
  ///
  /// - Parameter rule: the operation's own rule, for what only it can have done.
  func checkRest(_ rule: Rule) throws(Stop) {
    try checkHome(rule)
    try checkAccounts()
  }

  /// No byte went home by itself.
  func checkHome(_ rule: Rule) throws(Stop) {
    let known = hand.byteCount(of: region.id) + ledger.away.byteCount(of: region.id)
    let live = region.liveByteCount
    try require(
      rule, live == known,
      "\(known) bytes are in buffers that were made, \(live) in buffers that exist: one was dropped")
  }

  func checkAccounts() throws(Stop) {
    let accounts = subject.accounts()
    let registered = ledger.registeredByteCount
    try require(
      .accounts, accounts.registeredByteCount == registered,
      "\(registered) bytes are registered, the accounts say \(accounts.registeredByteCount)")
    switch Peer.kind {
    case .driven where traits.isElastic: try compare("in flight or at the peer", ledger.away, accounts.elsewhere)
    case .driven:
      try compare("in flight", ledger.inward + ledger.outward, accounts.inFlight)
      try compare("at the peer", ledger.atPeer, accounts.atPeer)
    case .mirrored: try compare("in flight or at the peer", ledger.inward + ledger.outward, accounts.elsewhere)
    case .builtIn, .device: try compare("in flight or at the peer", ledger.away, accounts.elsewhere)
    }
    guard Peer.kind == .driven, isExact, !hasPeerLeft, let other = peer.accounts() else { return }
    try require(
      .accounts, other.registeredByteCount == registered,
      "\(registered) bytes are registered, the other side's accounts say \(other.registeredByteCount)")
    try compare("in flight, as the other side has it,", ledger.inward + ledger.outward, other.inFlight)
    let owned = ledger.atPeer.byteCount
    try require(
      .accounts, other.ownedByteCount == owned,
      "the other side owns \(owned) bytes, its accounts say \(other.ownedByteCount)")
  }

  private func compare(_ place: String, _ names: [Descriptor], _ count: (bytes: Int, buffers: Int)) throws(Stop) {
    try require(
      .accounts, count.bytes == names.byteCount && count.buffers == names.count,
      "\(names.count) buffers of \(names.byteCount) bytes are \(place), the accounts say \(count.buffers) of "
        + "\(count.bytes)"
    )
  }

  /// What holds at the end, also with buffers in flight: the accounts add up, and every byte is returned.
  consuming func finish() throws(Stop) {
    let expected = subject.accounts()
    let awayByteCount = ledger.away.byteCount(of: region.id)
    let registrationCount = region.registrationCount
    try require(
      .register, registrationCount <= 1 || ledger.registeredByteCount == 0,
      "the region was registered once and is held \(registrationCount) times")
    journal.note("destroy with \(ledger.awayCount) buffers away")
    let region = self.region
    let journal = self.journal
    let ownByteCount = hand.byteCount(of: region.id)
    let accounts = subject.destroy()
    _ = peer.leave()
    endLifetime(of: peer)
    try journal.require(
      .destroy, accounts == expected, "the last accounts, \(accounts), is not the one before it, \(expected)")
    let live = region.liveByteCount
    try journal.require(
      .destroy, live == ownByteCount,
      "\(awayByteCount) bytes were away, of which \(live - ownByteCount) never came home")
    try journal.require(
      .destroy, region.registrationCount == 0, "the queue has gone, and its region is still held by it")
  }

  /// After a violation: takes what can be taken, so that a buffer that was forged is not brought home.
  consuming func abandon() {
    for _ in 0..<4096 {
      guard let buffer = subject.dequeue() else { break }
      if hand.names.overlapping(buffer.name) == nil { hand.append(buffer) } else { Quarantine.take(buffer) }
    }
    let owned = hand.names
    peer.giveUp { owned.overlapping($0) != nil }
  }
}

extension BufferAccounts {
  var inFlight: (bytes: Int, buffers: Int) { (inFlightByteCount, inFlightBufferCount) }
  var atPeer: (bytes: Int, buffers: Int) { (atPeerByteCount, atPeerBufferCount) }
  var elsewhere: (bytes: Int, buffers: Int) {
    (inFlightByteCount + atPeerByteCount, inFlightBufferCount + atPeerBufferCount)
  }
}
