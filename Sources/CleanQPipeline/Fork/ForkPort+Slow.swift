public import CleanQ

// What is not the fast path: packets in several buffers, branches at their share, answers, buffers with the note of a former lease.

extension ForkPort where Selector: ForkSelector {
  /// Gives the first packet of a burst to its branch, or ends it where there is none or it may not have it.
  ///
  /// - Returns: why not; `full` where a packet has to end and there is no room for its buffers.
  @usableFromInline
  mutating func deliverFirst(_ filled: inout Burst) -> Refusal? {
    var end = 0
    while end < filled.count, !filled[end].flags.contains(.last) { end &+= 1 }
    guard end < filled.count else { return .incompleteChain }
    for index in 0...end { if let refusal = refusal(of: filled[index].region) { return refusal } }
    let branch = unsafe table[Selector.key(of: filled[0])].load(ordering: .relaxed)
    return deliver(packetOf: end + 1, from: &filled, to: branch) ? nil : .full
  }

  /// Gives the first packet of a burst to a branch, or ends it where there is none or it may not have it.
  ///
  /// - Returns: false where it has to end and there is no room for its buffers.
  private mutating func deliver(packetOf bufferCount: Int, from filled: inout Burst, to branch: UInt8) -> Bool {
    for index in 0..<bufferCount { takeBackStale(&filled[index]) }
    guard branch != ClaimTable.unclaimed else {
      guard end(bufferCount, of: &filled) else { return false }
      unclaimedCount &+= 1
      return true
    }
    let branch = Int(branch)
    let state = unsafe entries[branch].state
    let isBeyondShare = unsafe bufferCount > state.pointee.lendableCount
    guard !isBeyondShare, unsafe bufferCount <= state.pointee.backlog.toReceive.room else {
      guard end(bufferCount, of: &filled) else { return false }
      if isBeyondShare {
        unsafe state.pointee.isRecountDue = true
        unsafe state.pointee.shareDropCount &+= 1
      } else {
        unsafe state.pointee.inboxDropCount &+= 1
      }
      return true
    }
    for _ in 0..<bufferCount {
      guard var buffer = filled.popFirst() else { break }
      lend(&buffer, to: branch)
      unsafe state.pointee.backlog.toReceive.append(buffer)
    }
    return true
  }

  /// Puts the buffers of the first packet of a burst on their way back.
  private mutating func end(_ bufferCount: Int, of filled: inout Burst) -> Bool {
    guard returned.room >= bufferCount else { return false }
    for _ in 0..<bufferCount {
      guard var buffer = filled.popFirst() else { break }
      buffer.flags = .last
      returned.append(buffer)
    }
    return true
  }

  private func lend(_ buffer: inout Buffer, to branch: Int) {
    let cell = ForkBranches.cell(buffer.region.slot) &+ branch
    unsafe buffer.lend(notes[cell])
    unsafe lentByteCounts[cell] += buffer.byteCount
    unsafe entries[branch].state.pointee.lentCount += 1
  }

  /// Ends the lease of a buffer that went back to the stack below past this fork.
  private func takeBackStale(_ buffer: inout Buffer) {
    let slot = buffer.region.slot
    let entry = unsafe entry(of: buffer.region)
    guard unsafe entry.pointee.id == buffer.region, let note = unsafe buffer.firstLease(of: entry.pointee.notes) else {
      return
    }
    let branch = unsafe Int(branches.owners[ForkBranches.cell(slot) + note])
    unsafe buffer.endLease(entry.pointee.notes)
    unsafe lentByteCounts[ForkBranches.cell(slot) + branch] -= buffer.byteCount
    unsafe entries[branch].state.pointee.lentCount -= 1
  }

  /// The same as `collect`, packet by packet. An answer that a layer of the branch made of a received packet never comes back to
  /// the branch: the layer below, to which it is known by its mark, puts it on its receive queue once it is sent.
  @usableFromInline
  mutating func collectSlowly(_ branch: Int, into filled: inout Burst) {
    let state = unsafe entries[branch].state
    while let bufferCount = unsafe state.pointee.backlog.toTransmit.packetBufferCount, bufferCount > 0,
      bufferCount <= filled.room
    {
      for _ in 0..<bufferCount {
        guard var buffer = unsafe state.pointee.backlog.toTransmit.popFirst() else { break }
        if buffer.flags.contains(.reply) { takeBackStale(&buffer) }
        filled.append(buffer)
      }
      noteRoom(in: branch)
    }
  }

  /// Gives buffers back to the branch that they were lent to, which has no room for all: it loses the others.
  @usableFromInline
  mutating func fillSlowly(_ branch: Int, _ run: Int, _ freeBuffers: inout Burst) -> Refusal? {
    let state = unsafe entries[branch].state
    let fitting = unsafe min(run, state.pointee.backlog.toComplete.room)
    guard returned.room > 0 || fitting > 0 else { return .full }
    for index in 0..<min(run, fitting + returned.room) {
      guard var buffer = freeBuffers.popFirst() else { break }
      buffer.flags = .last
      if index < fitting {
        unsafe state.pointee.backlog.toComplete.append(buffer)
      } else {
        takeBackStale(&buffer)
        returned.append(buffer)
      }
    }
    return nil
  }

  /// Gives an empty buffer that no branch has to one whose device still wants some, or back.
  ///
  /// - Returns: `full` where there is no room for it.
  @usableFromInline
  mutating func prime(_ freeBuffers: inout Burst) -> Refusal? {
    guard returned.room > 0 else { return .full }
    guard var buffer = freeBuffers.popFirst() else { return nil }
    buffer.flags = .last
    guard let branch = (0..<count).first(where: { unsafe entries[$0].state.pointee.primeCount > 0 }) else {
      returned.append(buffer)
      return nil
    }
    unsafe entries[branch].state.pointee.primeCount -= 1
    lend(&buffer, to: branch)
    priming.append(buffer)
    unsafe entries[branch].junction.pointee.right.fill(&priming)
    if var refused = priming.popFirst() {
      takeBackStale(&refused)
      returned.append(refused)
    }
    return nil
  }
}
