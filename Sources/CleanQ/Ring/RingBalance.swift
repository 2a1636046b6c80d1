internal import Synchronization

/// What one end of a ring knows of each region: a ``RingAccount`` per slot of the table, and the ``PrimaryRegion``, whose counts are
/// added when somebody asks.
@safe
@usableFromInline
final class RingBalance: @unchecked Sendable {
  @usableFromInline let accounts: UnsafeMutablePointer<RingAccount>
  @usableFromInline let primary: UnsafeMutablePointer<PrimaryRegion>
  private let primaryMemory: UnsafeMutableRawPointer

  init() {
    unsafe accounts = UnsafeMutablePointer<RingAccount>.allocate(capacity: RegionDirectory.capacity)
    for slot in 0..<RegionDirectory.capacity { unsafe (accounts + slot).initialize(to: RingAccount()) }
    unsafe primaryMemory = .allocate(byteCount: PrimaryRegion.stride, alignment: PrimaryRegion.stride)
    unsafe primary = primaryMemory.bindMemory(to: PrimaryRegion.self, capacity: 1)
    unsafe primary.initialize(to: PrimaryRegion(base: primaryMemory))
  }

  deinit {
    unsafe accounts.deinitialize(count: RegionDirectory.capacity)
    unsafe accounts.deallocate()
    unsafe primary.deinitialize(count: 1)
    unsafe primaryMemory.deallocate()
  }

  /// Handed over less taken, of the region in a slot.
  func passed(_ slot: Int) -> RingCount {
    let account = unsafe accounts + slot
    let count = unsafe RingCount(
      byteCount: account.pointee.passedByteCount.load(ordering: .relaxed),
      bufferCount: account.pointee.passedBufferCount.load(ordering: .relaxed))
    let primary = unsafe primary.pointee.region
    return unsafe primary != .none && primary.slot == slot ? count + self.primary.pointee.passed : count
  }

  /// See ``RingAccount/strangeByteCount``.
  func strange(_ slot: Int) -> RingCount {
    let account = unsafe accounts + slot
    return unsafe RingCount(
      byteCount: account.pointee.strangeByteCount.load(ordering: .relaxed),
      bufferCount: account.pointee.strangeBufferCount.load(ordering: .relaxed))
  }

  /// Starts an account for a region that is about to be put into the table: a reader that finds it there finds the account open.
  ///
  /// - Parameter isClosed: whether an end has gone.
  func open(_ entry: RegionTable.Entry, _ note: RingNote, isClosed: Bool) {
    unsafe accounts[entry.id.slot].open(note)
    // The first that is there; another in its slot says that it has gone.
    let primary = unsafe primary.pointee.region
    if primary == .none || primary.slot == entry.id.slot {
      unsafe self.primary.pointee.open(entry, note, isClosed: isClosed)
    }
  }

  /// Which note a region needs to be primary; nil where any will do.
  var primaryNoteIndex: Int? { unsafe primary.pointee.noteIndex }

  /// Ends the account of a region that is deregistered.
  func close(_ region: RegionID) {
    if unsafe primary.pointee.region == region { unsafe primary.pointee.close() }
  }

  /// An end has gone: no region is primary any more, so that every enqueue finds that out.
  func refuse() { unsafe primary.pointee.id.store(PrimaryRegion.nobody, ordering: .relaxed) }
}
