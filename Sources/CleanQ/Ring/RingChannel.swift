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
  /// The accepted regions. Changed by set-up calls under the lock of `owners`; read by the data path without it, since an
  /// entry is written before the first of its buffers can be published, and cleared when none is left.
  let table: UnsafeMutablePointer<RegionTable>
  private let bells: (Doorbell, Doorbell)
  private let balances = (RingBalance(), RingBalance())
  /// Which end registered each region.
  private let owners = Mutex<[RegionID: RingEnd]>([:])

  /// - Throws: `refused` where the process has no file descriptors left for the bells.
  init(slotCount: Int, laneCount: Int) throws(QueueError) {
    bells = (try Doorbell(), try Doorbell())
    lanes = (0..<laneCount).map { _ in RingMemory(slotCount: UInt32(slotCount)) }
    unsafe table = UnsafeMutablePointer<RegionTable>.allocate(capacity: 1)
    unsafe table.initialize(to: RegionTable())
  }

  deinit {
    for memory in lanes { bringHome(memory) }
    unsafe table.deinitialize(count: 1)
    unsafe table.deallocate()
  }

  /// Both ends have gone, so what is in flight has no other owner.
  private func bringHome(_ memory: RingMemory) {
    var consumer = RingConsumer(memory)
    while let descriptor = consumer.next() {
      // SAFETY: the descriptor was enqueued and never dequeued, so the ring is its owner.
      let result = unsafe table.pointee.buffer(descriptor)
      if case .success(let buffer) = consume result { buffer.release() }
    }
  }

  /// The bell that wakes `end`.
  func bell(of end: RingEnd) -> Doorbell { end == .first ? bells.0 : bells.1 }

  func balance(of end: RingEnd) -> RingBalance { end == .first ? balances.0 : balances.1 }

  func register(_ region: borrowing Region, by end: RingEnd) throws(QueueError) {
    let id = region.id
    try owners.withLock { (owners) throws(QueueError) in
      // SAFETY: the lock makes this the only change; the data path does not look at an entry that names no buffer.
      try unsafe table.pointee.insert(region)
      // What went away while it was registered leaves neither its name nor its account to the next in its slot.
      for dead in owners.keys where dead.slot == id.slot { owners[dead] = nil }
      balances.0.clear(id.slot)
      balances.1.clear(id.slot)
      owners[id] = end
    }
  }

  func deregister(_ region: RegionID, by end: RingEnd) throws(QueueError) {
    try owners.withLock { (owners) throws(QueueError) in
      guard let owner = owners[region] else { throw QueueError(.notRegistered, context: "\(region)") }
      guard owner == end else { throw QueueError(.notOwner, context: "\(region)") }
      // Handed over by this end and not taken back; or handed over by the other, which may have carved it from the region.
      let mine = balance(of: end).bytes(region.slot)
      let theirs = balance(of: end.other).bytes(region.slot)
      guard mine == 0, theirs == 0 else { throw QueueError(.elsewhere(byteCount: max(mine, mine + theirs))) }
      // SAFETY: as for `register`; no buffer of the region is in flight or with the other end.
      try unsafe table.pointee.remove(region)
      owners[region] = nil
      balances.0.clear(region.slot)
      balances.1.clear(region.slot)
    }
  }

  /// The census as `end` sees it: of a region that it registered, what it handed over is in flight or at the peer; of one
  /// that the peer registered, what it took is its own.
  func census(of end: RingEnd) -> Census {
    let owners = owners.withLock { $0 }
    let mine = balance(of: end)
    let theirs = balance(of: end.other)
    var census = Census()
    for (region, owner) in owners {
      let slot = region.slot
      let inFlightBytes = mine.bytes(slot) + theirs.bytes(slot)
      let inFlightBuffers = mine.buffers(slot) + theirs.buffers(slot)
      let registered = RegionDirectory.control(of: region)?.byteCount ?? 0
      census.registeredByteCount += registered
      census.inFlightByteCount += inFlightBytes
      census.inFlightBufferCount += inFlightBuffers
      // What the peer holds: its negative balance, and of its own region also all that it never handed over.
      census.atPeerByteCount += owner == end ? -theirs.bytes(slot) : registered - theirs.bytes(slot)
      census.atPeerBufferCount += owner == end ? -theirs.buffers(slot) : 0
    }
    return census
  }

  /// `end` has gone: what the other end enqueues from now on is refused.
  func close() {
    for memory in lanes { memory.isClosed.store(true, ordering: .releasing) }
    bells.0.ring()
    bells.1.ring()
  }
}
