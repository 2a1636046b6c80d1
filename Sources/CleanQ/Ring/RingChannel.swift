internal import Synchronization

/// The two ends of a ring. They are alike; the names only tell them apart.
@frozen
@usableFromInline
enum RingEnd: Sendable {
  case first
  case second

  var other: RingEnd { self == .first ? .second : .first }
}

/// What the two ends of a ring share besides the slots: regions, balances, bells, and the lanes to bring home.
///
/// The last end to go takes this with it, and with this every buffer that is still in flight comes home.
@safe
@usableFromInline
final class RingChannel: @unchecked Sendable {
  /// The directions: an even index leads from the first end to the second, an odd one back.
  let lanes: [RingMemory]
  /// The accepted regions. Changed by set-up calls under the lock of `registrations`; read by the data path without it, since an
  /// entry is written before the first of its buffers can be published, and cleared when none is left.
  let table: UnsafeMutablePointer<RegionTable>
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
    for memory in lanes { bringHome(memory, registrations) }
    for (region, registration) in registrations {
      registration.farSide.close(awayByteCount: standing(of: region, registration).awayByteCount)
    }
    unsafe table.deinitialize(count: 1)
    unsafe table.deallocate()
  }

  /// Both ends have gone, so what is in flight has no other owner.
  private func bringHome(_ memory: RingMemory, _ registrations: [RegionID: Registration]) {
    var consumer = RingConsumer(memory)
    while let descriptor = consumer.next() {
      // Not at the far side any more, if it ever was.
      let note = registrations[descriptor.region].map { AwayNote($0.farSide.index, isAway: false) } ?? AwayNote()
      // SAFETY: the descriptor was enqueued and never dequeued, so the ring is its owner.
      let result = unsafe table.pointee.entry(of: descriptor.region).buffer(own: descriptor, note)
      if case .success(let buffer) = consume result { buffer.release() }
    }
  }

  /// The bell that wakes `end`.
  func bell(of end: RingEnd) -> Doorbell { end == .first ? bells.0 : bells.1 }

  func balance(of end: RingEnd) -> RingBalance { end == .first ? balances.0 : balances.1 }

  func register(_ region: borrowing Region, by end: RingEnd) throws(QueueError) {
    let id = region.id
    try registrations.withLock { (registrations) throws(QueueError) in
      // SAFETY: the lock makes this the only change; the data path does not look at an entry that names no buffer.
      try unsafe table.pointee.insert(region)
      let farSide: FarSide
      do throws(QueueError) { farSide = try FarSide(of: region) } catch {
        unsafe table.pointee.undoInsert(id)
        throw error
      }
      // What went away while it was registered leaves neither its name nor its account to the next in its slot.
      for dead in registrations.keys where dead.slot == id.slot { registrations[dead] = nil }
      let entry = unsafe table.pointee.entry(of: id)
      let isClosed = lanes[0].isClosed.load(ordering: .relaxed)
      balances.0.open(entry, AwayNote(farSide.index, isAway: end == .second), isClosed: isClosed)
      balances.1.open(entry, AwayNote(farSide.index, isAway: end == .first), isClosed: isClosed)
      registrations[id] = Registration(end: end, farSide: farSide)
    }
  }

  func deregister(_ region: RegionID, by end: RingEnd) throws(QueueError) {
    try registrations.withLock { (registrations) throws(QueueError) in
      guard let registration = registrations[region] else {
        throw QueueError(.notRegistered, context: "\(region)")
      }
      guard registration.end == end else { throw QueueError(.notOwner, context: "\(region)") }
      let standing = standing(of: region, registration)
      let elsewhere = standing.inFlightByteCount + standing.awayByteCount
      guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
      // SAFETY: as for `register`; no buffer of the region is in flight or with the other end.
      try unsafe table.pointee.remove(region)
      balances.0.close(region)
      balances.1.close(region)
      registration.farSide.close(awayByteCount: 0)
      registrations[region] = nil
    }
  }

  /// Where the bytes and buffers of one region are, as the queue sees it.
  private struct Standing {
    var inFlightByteCount: Int
    var inFlightBufferCount: Int
    /// With the end that did not register the region.
    var awayByteCount: Int
    var awayBufferCount: Int
  }

  private func standing(of region: RegionID, _ registration: Registration) -> Standing {
    let slot = region.slot
    let near = balance(of: registration.end).word(slot)
    // Read once, so that what it lags behind is missed on one side and found on the other.
    let far = balance(of: registration.end.other).word(slot)
    let inFlight = RingBalance.parts(near &+ far)
    // What it took and did not hand over again; of that it may have brought some home, or cut it.
    let change = registration.farSide.change
    let changeWord = change.bufferCount << RingBalance.byteBits &+ change.byteCount
    let away = RingBalance.parts(changeWord &- far)
    // Less than nothing where it handed over what it had got past this queue.
    return Standing(
      inFlightByteCount: inFlight.byteCount,
      inFlightBufferCount: inFlight.bufferCount,
      awayByteCount: max(0, away.byteCount),
      awayBufferCount: max(0, away.bufferCount))
  }

  /// The census as `end` sees it: what is away of a region that it registered is at the peer; of one that the peer
  /// registered, what is neither in flight nor away.
  func census(of end: RingEnd) -> Census {
    registrations.withLock { registrations in
      var census = Census()
      for (region, registration) in registrations {
        let standing = standing(of: region, registration)
        let registered = RegionDirectory.control(of: region)?.byteCount ?? 0
        census.registeredByteCount += registered
        census.inFlightByteCount += standing.inFlightByteCount
        census.inFlightBufferCount += standing.inFlightBufferCount
        if registration.end == end {
          census.atPeerByteCount += standing.awayByteCount
          census.atPeerBufferCount += standing.awayBufferCount
        } else {
          census.atPeerByteCount += registered - standing.inFlightByteCount - standing.awayByteCount
        }
      }
      return census
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
