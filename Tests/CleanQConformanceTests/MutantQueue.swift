import CleanQConformance

@testable import CleanQ

/// One end of a correct queue, or of one with a single fault.
struct MutantQueue: SleepingQueue, ~Copyable {
  let core: MutantCore
  let end: Int

  static func pair(slotCount: Int, _ fault: MutantFault? = nil) throws(QueueError) -> Ends<MutantQueue, MutantQueue> {
    let core = try MutantCore(slotCount: slotCount, fault)
    return Ends(MutantQueue(core: core, end: 0), MutantQueue(core: core, end: 1))
  }

  deinit {
    core.isClosed = true
    if !core.has(.closedNotAnnounced) { for bell in core.bells { bell.ring() } }
    if core.has(.goneWithTheirBuffers) {
      core.lanes[end].forEach { if let buffer = core.materialise($0) { buffer.release() } }
    }
    if core.has(.goneWithTheirBuffers) { core.lanes[end] = [] }
  }

  mutating func register(_ region: borrowing Region) throws(QueueError) {
    if core.owners[region.id] != nil {
      if core.has(.registerTwice) { return }
      if core.has(.registerNotRolledBack) {
        region.control.adjustRegistrations(by: 1)
        core.leakedHolds.append(region.control)
      }
      throw QueueError(.alreadyRegistered)
    }
    try core.table.insert(region)
    core.owners[region.id] = (end, region.byteCount, try FarSide(of: region))
    if core.has(.registerTakesEffectLate) { core.isLate.insert(region.id) }
  }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let id = region.id
    guard let owner = core.owners[id] else { throw QueueError(.notRegistered) }
    guard owner.end == end || core.has(.anyoneDeregisters) else { throw QueueError(.notOwner) }
    let mine = core.balances[owner.end][id] ?? MutantCore.Holding()
    let theirs = core.balances[1 - owner.end][id] ?? MutantCore.Holding()
    let inFlight = (bytes: mine.bytes + theirs.bytes, buffers: mine.buffers + theirs.buffers)
    let away = core.away(id)
    var elsewhere = core.has(.deregisterCountsBuffers) ? inFlight.buffers + away.buffers : inFlight.bytes + away.bytes
    if core.has(.deregisterIgnoresInFlight) { elsewhere = away.bytes }
    if core.has(.deregisterIgnoresPeer) { elsewhere = inFlight.bytes }
    guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
    if core.has(.deregisterKeepsEntry) { core.dead.insert(id) }
    if core.has(.retiredTakenAgain) { core.table.undoInsert(id) } else { try core.table.remove(id) }
    owner.farSide.close(awayByteCount: max(0, away.bytes))
    core.owners[id] = nil
    core.balances[0][id] = nil
    core.balances[1][id] = nil
    core.strange[id] = nil
  }

  private var capacity: Int {
    if core.has(.capacityOffByOne) { return core.slotCount - 1 }
    if core.has(.oneSlotTooMany) { return core.slotCount + 1 }
    return core.slotCount - core.lostSlots[end]
  }

  private var room: Int { capacity - core.lanes[end].count }

  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard core.knows(buffer.region) else { return Refused(buffer, .unknownRegion) }
    guard buffer.flags.contains(.last) || core.has(.incompleteChainTaken) else {
      return Refused(buffer, .incompleteChain)
    }
    if core.isClosed, !core.has(.closedNotTold) { return Refused(buffer, .closed) }
    guard room > 0 else {
      if core.has(.lostHandBack) {
        buffer.release()
        return nil
      }
      if core.has(.handBackChanged) { buffer.reset() }
      return Refused(buffer, core.has(.wrongReason) ? .closed : .full)
    }
    hand(over: buffer)
    return nil
  }

  private func hand(over buffer: consuming Buffer) {
    if core.has(.droppedAtEnqueue), core.isTurn(5) { return buffer.release() }
    if core.has(.validPartChanged), core.isTurn(3), buffer.validByteCount > 0 { _ = buffer.trimFront(1) }
    if core.has(.flagsChanged), core.isTurn(3) { buffer.flags.formSymmetricDifference(.reply) }
    if core.has(.bytesChanged), core.isTurn(3), buffer.validByteCount > 0 {
      var bytes = buffer.mutableBytes
      bytes[0] ^= 1
    }
    core.clearNote(end, &buffer)
    let name = buffer.intoDescriptor()
    core.add(end, name, 1)
    if core.has(.keptForEver), core.isTurn(5) {
      if let buffer = core.materialise(name) { Graveyard.take(buffer) }
      return
    }
    if core.has(.everyFifthOvertakes), core.isTurn(5) { return core.lanes[end].insert(name, at: 0) }
    core.lanes[end].append(name)
  }

  mutating func enqueue(_ burst: inout Burst) -> Refusal? {
    let wanted = burst.count
    guard wanted > 0 else { return nil }
    if core.isClosed, !core.has(.closedNotTold) { return .closed }
    let free = room
    var fitting = max(0, min(free, wanted))
    if core.has(.burstStopsEarly) { fitting = min(fitting, 2) }
    if core.has(.burstTakesOneTooFew), fitting < wanted { fitting -= 1 }
    var taken = 0
    while taken < fitting, core.knows(burst[taken].region) { taken += 1 }
    let isUnknown = taken < fitting
    while taken > 0, !core.has(.runCutInTwo), !burst[taken - 1].flags.contains(.last) { taken -= 1 }
    var moving = Burst()
    for _ in 0..<max(0, taken) {
      guard let buffer = burst.popFirst() else { break }
      if core.has(.burstReversed), moving.count == 1 {
        hand(over: buffer)
      } else {
        moving.append(buffer)
      }
    }
    while let buffer = moving.popFirst() { hand(over: buffer) }
    if taken == wanted { return nil }
    if isUnknown { return .unknownRegion }
    let isHopeless = fitting == wanted || free == core.slotCount && taken <= 0
    return isHopeless && !core.has(.longRunIsFull) ? .incompleteChain : .full
  }

  mutating func dequeue() -> Buffer? {
    let lane = 1 - end
    guard !core.lanes[lane].isEmpty else { return nil }
    let isCopied = core.has(.doubleDelivery) && core.isTurn(5)
    let index = core.has(.lastInFirstOut) ? core.lanes[lane].count - 1 : 0
    let name = isCopied ? core.lanes[lane][index] : core.lanes[lane].remove(at: index)
    if core.has(.slotNotReleased), core.isTurn(7) { core.lostSlots[lane] += 1 }
    if isCopied { core.copies.insert(name) } else { core.add(end, name, -1) }
    guard var buffer = core.materialise(name) else { return nil }
    if let owner = core.owners[buffer.region], owner.end != end { owner.farSide.note(&buffer, isAway: true) }
    if core.has(.lengthChanged), core.isTurn(3), let rest = buffer.split(at: buffer.byteCount - 1) {
      Graveyard.take(rest)
    }
    guard core.has(.droppedAtDequeue), core.isTurn(5) else { return buffer }
    buffer.release()
    return dequeue()
  }

  mutating func dequeue(into burst: inout Burst) {
    while burst.room > 0, let buffer = dequeue() { burst.append(buffer) }
  }

  mutating func notify() {
    core.isLate = []
    if core.has(.notifyLost), core.isTurn(3) { return }
    core.bells[1 - end].ring()
  }

  mutating func arm() -> Bool {
    core.bells[end].arm()
    return core.lanes[1 - end].isEmpty && (!core.isClosed || core.has(.armsAfterClose)) || core.has(.armWithoutRecheck)
  }

  mutating func disarm() { if !core.has(.wakeUpNotCleared) { core.bells[end].disarm() } }

  var wakeFileDescriptors: [Int32] { [core.bells[end].file] }

  func accounts() -> BufferAccounts { core.accounts(of: end) }

  consuming func destroy() -> BufferAccounts {
    core.has(.destroyAccountsEmpty) ? BufferAccounts() : core.accounts(of: end)
  }
}
