internal import Synchronization

/// What one end of a ring knows of each region: a ``RingAccount`` per slot of the table, and the ``UsualRegion``, whose counts are
/// added when somebody asks.
@safe
@usableFromInline
final class RingBalance: @unchecked Sendable {
  @usableFromInline let accounts: UnsafeMutablePointer<RingAccount>
  @usableFromInline let usual: UnsafeMutablePointer<UsualRegion>
  private let usualMemory: UnsafeMutableRawPointer

  init() {
    unsafe accounts = UnsafeMutablePointer<RingAccount>.allocate(capacity: RegionDirectory.capacity)
    for slot in 0..<RegionDirectory.capacity { unsafe (accounts + slot).initialize(to: RingAccount()) }
    unsafe usualMemory = .allocate(byteCount: UsualRegion.stride, alignment: UsualRegion.stride)
    unsafe usual = usualMemory.bindMemory(to: UsualRegion.self, capacity: 1)
    unsafe usual.initialize(to: UsualRegion(base: usualMemory))
  }

  deinit {
    unsafe accounts.deinitialize(count: RegionDirectory.capacity)
    unsafe accounts.deallocate()
    unsafe usual.deinitialize(count: 1)
    unsafe usualMemory.deallocate()
  }

  /// Handed over less taken, of the region in a slot.
  func passed(_ slot: Int) -> RingCount {
    let account = unsafe accounts + slot
    let count = unsafe RingCount(
      byteCount: account.pointee.passedByteCount.load(ordering: .relaxed),
      bufferCount: account.pointee.passedBufferCount.load(ordering: .relaxed))
    let usual = unsafe usual.pointee.region
    return unsafe usual != .none && usual.slot == slot ? count + self.usual.pointee.passed : count
  }

  /// See ``RingAccount/strangeByteCount``.
  func strange(_ slot: Int) -> RingCount {
    let account = unsafe accounts + slot
    return unsafe RingCount(
      byteCount: account.pointee.strangeByteCount.load(ordering: .relaxed),
      bufferCount: account.pointee.strangeBufferCount.load(ordering: .relaxed))
  }

  /// Starts an account for a region that is about to be put into the table: whoever finds it there finds the account open.
  ///
  /// - Parameter isClosed: whether an end has gone.
  func open(_ entry: RegionTable.Entry, _ note: RingNote, isClosed: Bool) {
    unsafe accounts[entry.id.slot].open(note)
    // The first that is there; another in its slot says that it has gone.
    let usual = unsafe usual.pointee.region
    if usual == .none || usual.slot == entry.id.slot {
      unsafe self.usual.pointee.open(entry, note, isClosed: isClosed)
    }
  }

  /// Which note a region needs to be usual; nil where any will do.
  var usualNoteIndex: Int? { unsafe usual.pointee.noteIndex }

  /// Ends the account of a region that is deregistered.
  func close(_ region: RegionID) {
    if unsafe usual.pointee.region == region { unsafe usual.pointee.close() }
  }

  /// An end has gone: no region is usual any more, so that every enqueue finds that out.
  func refuse() { unsafe usual.pointee.id.store(UsualRegion.nobody, ordering: .relaxed) }
}
