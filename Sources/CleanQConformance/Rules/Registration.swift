internal import CleanQ

// Which regions a queue knows.

extension Bench where Peer: ~Copyable {
  /// Registers a region that is not the bench's.
  mutating func register(_ other: borrowing Region) -> QueueError.Code? {
    journal.note("register \(other.id)")
    do throws(QueueError) { try subject.register(other) } catch { return error.code }
    ledger.registeredByteCount += other.byteCount
    return nil
  }

  mutating func deregister(_ other: borrowing Region) -> QueueError.Code? {
    journal.note("deregister \(other.id)")
    do throws(QueueError) { try subject.deregister(other) } catch { return error.code }
    ledger.registeredByteCount -= other.byteCount
    return nil
  }

  private mutating func registerAgain() -> QueueError.Code? {
    journal.note("register \(region.id) again")
    do throws(QueueError) { try subject.register(region) } catch { return error.code }
    return nil
  }

  mutating func deregisterRegion() -> QueueError.Code? {
    journal.note("deregister \(region.id)")
    do throws(QueueError) { try subject.deregister(region) } catch { return error.code }
    ledger.registeredByteCount -= region.byteCount
    return nil
  }

  func text(_ code: QueueError.Code?) -> String { code.map { "\($0)" } ?? "success" }

  /// Nothing has changed: the same registered bytes, the same holds.
  private func requireUnchanged(_ rule: Rule, holdCount: Int) throws(Stop) {
    let accounts = subject.accounts()
    let registered = ledger.registeredByteCount
    try require(
      rule, accounts.registeredByteCount == registered,
      "the call failed, and the registered bytes went from \(registered) to \(accounts.registeredByteCount)")
    try require(
      rule, region.registrationCount == holdCount,
      "the call failed, and the region's holds went from \(holdCount) to \(region.registrationCount)")
    try checkRest(rule)
  }

  mutating func runRegister() throws(Stop) {
    let holdCount = region.registrationCount
    let code = registerAgain()
    try require(.register, code == .alreadyRegistered, "a second register gives \(text(code))")
    try requireUnchanged(.register, holdCount: holdCount)
    try pass(traits.heldBackBufferCount + 1)
    try useSecondRegion()
    try deregisterAtRest()
    // One deregister undoes one register, however many failed.
    try require(.register, region.registrationCount == 0, "after deregister the region is still held")
    try require(.register, subject.accounts().registeredByteCount == 0, "after deregister there are registered bytes")
    try supply(1)
    try requireStrangerRefused(.deregister, "a deregistered region")
    try requireDead()
  }

  /// The contract: a deregistered region's name is dead for ever, though the region may live.
  private mutating func requireDead() throws(Stop) {
    let code = registerAgain()
    try require(.generation, code == .retired, "register of a region that was deregistered gives \(text(code))")
    try requireUnchanged(.generation, holdCount: 0)
    guard Peer.hasOwnEnd else { return }
    journal.note("the other side registers \(region.id)")
    var peerCode: QueueError.Code?
    do throws(QueueError) { try peer.register(region) } catch { peerCode = error.code }
    try require(.generation, peerCode == .retired, "the other side's register of such a region gives \(text(peerCode))")
    try requireUnchanged(.generation, holdCount: 0)
  }

  /// Sends this number of buffers through.
  private mutating func pass(_ count: Int) throws(Stop) {
    try supply(count)
    for _ in 0..<count { try enqueueOne() }
    try drain()
  }

  /// Two regions at a time; the second one comes and goes.
  private mutating func useSecondRegion() throws(Stop) {
    guard let other = try? Region(byteCount: 8192) else { return }
    var code = deregister(other)
    try require(.deregister, code == .notRegistered, "deregister of an unknown region gives \(text(code))")
    try checkRest(.deregister)
    code = register(other)
    try require(.register, code == nil, "a second region gives \(text(code))")
    try checkRest(.register)
    try supply(1)
    if let buffer = other.buffer(byteCount: traits.bufferByteCount) {
      hand.prepend(buffer)
      prepare(0)
      try require(.register, try enqueueOne() == nil, "the second region is not usable at once")
      try drain()
    }
    hand.releaseAll(of: other.id)
    code = deregister(other)
    try require(.deregister, code == nil, "all of the second region is back, and deregister gives \(text(code))")
    try checkRest(.deregister)
  }

  /// Ends the registration of the bench's region while nothing of it is away but what the queue keeps for itself.
  func elsewhere(_ code: QueueError.Code?) -> Int? {
    if case .elsewhere(let byteCount)? = code { byteCount } else { nil }
  }

  private mutating func deregisterAtRest() throws(Stop) {
    var code: QueueError.Code?
    // A layer that keeps buffers lets go of them when it is asked, and has to be drained again.
    for _ in 0..<8 {
      code = deregisterRegion()
      if code == nil || traits.heldBackBufferCount == 0 { break }
      try drain()
    }
    try require(.deregister, code == nil, "everything is back, and deregister gives \(text(code))")
    try checkRest(.deregister)
    code = deregisterRegion()
    try require(.deregister, code == .notRegistered, "a second deregister gives \(text(code))")
  }

  mutating func runDeregister() throws(Stop) {
    try supply(3 + traits.heldBackBufferCount)
    for _ in 0..<traits.heldBackBufferCount { try enqueueOne() }
    try drain()
    try enqueueOne()
    try requireElsewhere("in flight to the other side")
    try enqueueOne()
    try requireElsewhere("in flight to the other side")
    if Peer.kind == .driven {
      try peerTake(1)
      try requireElsewhere("in flight and with the other side")
      try peerTake(.max)
      try requireElsewhere("with the other side")
      try peerGive(1)
      try requireElsewhere("with the other side and in flight to this one")
    }
    try drain()
    try deregisterAtRest()
  }

  /// Deregister has to fail, to say how much is away, and to change nothing.
  private mutating func requireElsewhere(_ place: String) throws(Stop) {
    let holdCount = region.registrationCount
    let away = ledger.away.byteCount(of: region.id)
    let code = deregisterRegion()
    guard let said = elsewhere(code) else {
      throw journal.fail(.deregister, "\(away) bytes are \(place), and deregister gives \(text(code))")
    }
    // What a layer keeps for itself it may give up at this call.
    let least = away - traits.heldBackBufferCount * traits.bufferByteCount
    try require(.deregister, said <= away && said >= min(least, 1), "\(away) bytes are \(place), and it says \(said)")
    if traits.heldBackBufferCount == 0 {
      try require(.deregister, said == away, "\(away) bytes are \(place), and it says \(said)")
    }
    try requireUnchanged(.deregister, holdCount: holdCount)
  }

  mutating func runOwner() throws(Stop) {
    guard Peer.hasOwnEnd else { return skip(.owner, "the other side cannot register") }
    journal.note("the other side registers \(region.id) again, and deregisters it")
    let holdCount = region.registrationCount
    var code: QueueError.Code?
    do throws(QueueError) { try peer.register(region) } catch { code = error.code }
    try require(
      .owner, code == .alreadyRegistered, "register of a region that this side registered gives \(text(code))")
    code = nil
    do throws(QueueError) { try peer.deregister(region) } catch { code = error.code }
    try require(.owner, code == .notOwner, "deregister of a region that this side registered gives \(text(code))")
    try requireUnchanged(.owner, holdCount: holdCount)
    try pass(2)
    guard let other = try? Region(byteCount: 8192), let buffer = other.buffer(byteCount: traits.bufferByteCount) else {
      return
    }
    try usePeersRegion(other, buffer)
  }

  /// A region of the other side's: usable here, and not this side's to deregister.
  private mutating func usePeersRegion(_ other: borrowing Region, _ buffer: consuming Buffer) throws(Stop) {
    journal.note("the other side registers \(other.id), and hands a buffer over")
    var code: QueueError.Code?
    do throws(QueueError) { try peer.register(other) } catch { code = error.code }
    try require(.owner, code == nil, "the other side cannot register: \(text(code))")
    code = registerAgain(other)
    try require(.owner, code == .alreadyRegistered, "register of the other side's region gives \(text(code))")
    try require(.owner, other.registrationCount == 1, "a failed register left \(other.registrationCount) holds")
    peer.prepare(&buffer)
    let name = buffer.name
    let isRefused = peer.hand(buffer) != nil
    try require(.owner, !isRefused, "a region that the other side registered is not usable by it")
    let accounts = subject.accounts()
    try require(
      .accounts, accounts.inFlightByteCount == Int(name.byteCount), "a buffer in flight to this side is not counted")
    guard let back = subject.dequeue() else {
      throw journal.fail(.conservation, "the other side's buffer did not come")
    }
    try require(
      .owner, back.name.isSameStart(as: name), "the other side handed \(name.text) over, \(back.name.text) came")
    code = deregisterOther(other)
    try require(.owner, code == .notOwner, "deregister of the other side's region gives \(text(code))")
    let isBackRefused = subject.enqueue(back) != nil
    try require(.owner, !isBackRefused, "a region that the other side registered is not usable here")
    try require(.owner, peer.take(1, from: &subject).count == 1, "the other side's buffer did not come back to it")
    code = nil
    do throws(QueueError) { try peer.deregister(other) } catch { code = error.code }
    try require(.owner, code == nil, "the other side has all of its region, and deregister gives \(text(code))")
  }

  private mutating func registerAgain(_ other: borrowing Region) -> QueueError.Code? {
    do throws(QueueError) { try subject.register(other) } catch { return error.code }
    return nil
  }

  private mutating func deregisterOther(_ other: borrowing Region) -> QueueError.Code? {
    do throws(QueueError) { try subject.deregister(other) } catch { return error.code }
    return nil
  }
}

extension Hand {
  /// Sends the buffers of one region home.
  mutating func releaseAll(of region: RegionID) { releaseAll { $0 == region } }

  mutating func releaseAll(where isMeant: (RegionID) -> Bool) {
    while let index = names.firstIndex(where: { isMeant($0.region) }) { remove(at: index)?.release() }
  }
}
