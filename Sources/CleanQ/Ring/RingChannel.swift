internal import Synchronization

/// The two ends of a ring. They are alike; the names only tell them apart.
@frozen
@usableFromInline
enum RingEnd: Sendable {
  case first
  case second

  var other: RingEnd { self == .first ? .second : .first }
}

/// What the two ends of a ring share besides the slots: regions, balances, bells, and the lanes to return.
///
/// The last end to go takes this with it, and with this every buffer that is still in flight is returned.
@safe
@usableFromInline
final class RingChannel: @unchecked Sendable {
  /// The directions: an even index leads from the first end to the second, an odd one back.
  let lanes: [RingMemory]
  /// The accepted regions. Changed by set-up calls under the lock of `registrations`; read by the data path without it. An entry
  /// is published when the accounts are open, and cleared when no buffer of the region is in flight or away, under
  /// `deregistration`.
  let table: UnsafeMutablePointer<RegionTable>
  let deregistration = DeregistrationLock()
  private let bells: (Doorbell, Doorbell)
  private let balances = (RingBalance(), RingBalance())
  /// Who registered a region, and what is known of the other's doings.
  private struct Registration {
    let end: RingEnd
    let farSide: FarSide
  }

  private let registrations = Mutex<[RegionID: Registration]>([:])

  /// - Throws: `refused` where the process has no file descriptors left for the bells.
  init(slotCount: Int, laneCount: Int) throws(QueueError) {
    bells = (try Doorbell(), try Doorbell())
    lanes = (0..<laneCount).map { _ in RingMemory(slotCount: UInt32(slotCount)) }
    unsafe table = UnsafeMutablePointer<RegionTable>.allocate(capacity: 1)
    unsafe table.initialize(to: RegionTable())
  }

  deinit {
    let registrations = registrations.withLock { $0 }
    for memory in lanes { bringHome(memory) }
    for (region, registration) in registrations {
      registration.farSide.close(passedByteCount: noted(region, registration).byteCount)
    }
    unsafe table.deinitialize(count: 1)
    unsafe table.deallocate()
  }

  /// Both ends have gone, so what is in flight has no other owner.
  private func bringHome(_ memory: RingMemory) {
    var consumer = RingConsumer(memory)
    while let descriptor = consumer.next() {
      // SAFETY: the descriptor was enqueued and never dequeued, so the ring is its owner.
      let result = unsafe table.pointee.entry(of: descriptor.region).buffer(own: descriptor)
      if case .success(let buffer) = consume result { buffer.release() }
    }
  }

  /// The bell that wakes `end`.
  func bell(of end: RingEnd) -> Doorbell { end == .first ? bells.0 : bells.1 }

  func balance(of end: RingEnd) -> RingBalance { end == .first ? balances.0 : balances.1 }

  func register(_ region: borrowing Region, by end: RingEnd) throws(QueueError) {
    let id = region.id
    try registrations.withLock { (registrations) throws(QueueError) in
      // SAFETY: the lock makes this the only change.
      try unsafe table.pointee.check(region)
      let farSide = try FarSide(of: region, preferring: balances.0.primaryNoteIndex)
      // What went away while it was registered leaves neither its name nor its account to the next in its slot.
      for dead in registrations.keys where dead.slot == id.slot { registrations[dead] = nil }
      let entry = RegionTable.Entry(of: region)
      let isClosed = lanes[0].isClosed.load(ordering: .relaxed)
      balances.0.open(entry, RingNote(index: farSide.index, isFar: end == .second), isClosed: isClosed)
      balances.1.open(entry, RingNote(index: farSide.index, isFar: end == .first), isClosed: isClosed)
      registrations[id] = Registration(end: end, farSide: farSide)
      // Last: from here on the other end may enqueue a buffer of the region that did not pass the queue, and count it.
      do throws(QueueError) { try unsafe table.pointee.enter(region) } catch {
        fatalError("\(id) was checked, and the table says: \(error)")
      }
    }
  }

  /// The rule: a region can go when none of its buffers is in flight here and no live one carries the note.
  func deregister(_ region: RegionID, by end: RingEnd) throws(QueueError) {
    try registrations.withLock { (registrations) throws(QueueError) in
      guard let registration = registrations[region] else {
        throw QueueError(.notRegistered, context: "\(region)")
      }
      guard registration.end == end else { throw QueueError(.notOwner, context: "\(region)") }
      try deregistration.withLock { () throws(QueueError) in
        let elsewhere = elsewhereByteCount(of: region, registration)
        guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
        // SAFETY: no buffer of the region is in flight, and no end hands one over: the caller is the near end, and the far
        // end has none with the note, and needs the lock for one without.
        try unsafe table.pointee.leave(region)
      }
      balances.0.close(region)
      balances.1.close(region)
      registration.farSide.close(passedByteCount: 0)
      registrations[region] = nil
    }
  }

  /// Bytes in flight and away. The far end's handoffs and takes of common buffers move bytes between the two and are not in
  /// it, so the near end may ask at any time.
  private func elsewhereByteCount(of region: RegionID, _ registration: Registration) -> Int {
    let slot = region.slot
    let passed = balance(of: registration.end).passed(slot) + balances.0.strange(slot) + balances.1.strange(slot)
    return passed.byteCount &+ registration.farSide.change.byteCount
  }

  /// What got the note when it was dequeued, less what lost it when it was enqueued again.
  private func noted(_ region: RegionID, _ registration: Registration) -> RingCount {
    let slot = region.slot
    return balances.0.strange(slot) + balances.1.strange(slot) - balance(of: registration.end.other).passed(slot)
  }

  /// Where the bytes and buffers of one region are, as the queue sees it.
  private struct Standing {
    var inFlight: RingCount
    /// In live buffers that carry the note: with the end that did not register the region, as far as this queue knows.
    var away: RingCount
  }

  private func standing(of region: RegionID, _ registration: Registration) -> Standing {
    let slot = region.slot
    let near = balance(of: registration.end).passed(slot)
    // Read once, so that what it lags behind is missed on one side and found on the other.
    let far = balance(of: registration.end.other).passed(slot)
    let strange = balances.0.strange(slot) + balances.1.strange(slot)
    // Some may have been released on the far side, or split.
    let change = registration.farSide.change
    let away = RingCount(byteCount: change.byteCount, bufferCount: change.bufferCount) + strange - far
    return Standing(inFlight: near + far, away: away)
  }

  /// The accounts as `end` sees it: what is away of a region that it registered is at the peer; of one that the peer
  /// registered, what is neither in flight nor away.
  func accounts(of end: RingEnd) -> BufferAccounts {
    registrations.withLock { registrations in
      var accounts = BufferAccounts()
      for (region, registration) in registrations {
        let standing = standing(of: region, registration)
        let registered = RegionDirectory.control(of: region)?.byteCount ?? 0
        accounts.registeredByteCount += registered
        let (inFlight, away) = (standing.inFlight, standing.away)
        accounts.addInFlight(byteCount: inFlight.byteCount, bufferCount: inFlight.bufferCount, of: region)
        if registration.end == end {
          accounts.addAtPeer(byteCount: away.byteCount, bufferCount: away.bufferCount, of: region)
        } else {
          accounts.addAtPeer(byteCount: registered - inFlight.byteCount - away.byteCount, bufferCount: 0, of: region)
        }
      }
      return accounts
    }
  }

  /// One end has gone: what the other enqueues from now on is refused, and it is woken to see that nothing more comes.
  func close() {
    registrations.withLock { _ in
      for memory in lanes { memory.isClosed.store(true, ordering: .releasing) }
      balances.0.refuse()
      balances.1.refuse()
    }
    bells.0.ring()
    bells.1.ring()
  }
}
