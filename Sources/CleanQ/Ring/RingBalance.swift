public import Synchronization

/// One end's running balance per region slot: bytes and buffers that it handed over minus those that it took; and the note
/// that it makes on those that it takes.
///
/// Both in one word, buffers above bytes, so that a hand-over costs one addition. Its own end writes it with plain stores;
/// the other end reads it for a census. The balances of the two ends add up to what is in flight. What is counted in
/// ``UsualRegion`` is added when somebody asks.
@safe
@usableFromInline
final class RingBalance: @unchecked Sendable {
  /// Bits of a balance that count bytes; a region is shorter than half of what they can say.
  @inlinable
  static var byteBits: Int { 40 }

  @usableFromInline let values: UnsafeMutablePointer<Atomic<Int>>
  /// Written when a region is registered, before the first of its buffers can be published.
  @usableFromInline let notes: UnsafeMutablePointer<AwayNote>
  @usableFromInline let usual: UnsafeMutablePointer<UsualRegion>
  private let usualMemory: UnsafeMutableRawPointer

  init() {
    unsafe values = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: RegionDirectory.capacity)
    for slot in 0..<RegionDirectory.capacity { unsafe (values + slot).initialize(to: Atomic(0)) }
    unsafe notes = UnsafeMutablePointer<AwayNote>.allocate(capacity: RegionDirectory.capacity)
    unsafe notes.initialize(repeating: AwayNote(), count: RegionDirectory.capacity)
    unsafe usualMemory = .allocate(byteCount: UsualRegion.stride, alignment: UsualRegion.stride)
    unsafe usual = usualMemory.bindMemory(to: UsualRegion.self, capacity: 1)
    unsafe usual.initialize(to: UsualRegion(base: usualMemory))
  }

  deinit {
    unsafe values.deallocate()
    unsafe notes.deallocate()
    unsafe usual.deinitialize(count: 1)
    unsafe usualMemory.deallocate()
  }

  /// What the hand-over of one buffer adds.
  @inlinable
  static func step(byteCount: UInt32) -> Int { 1 &<< byteBits &+ Int(byteCount) }

  /// What a word says, as signed numbers.
  static func parts(_ word: Int) -> (byteCount: Int, bufferCount: Int) {
    let byteCount = (word << (Int.bitWidth - byteBits)) >> (Int.bitWidth - byteBits)
    return (byteCount, (word &- byteCount) >> byteBits)
  }

  /// The balance of a slot. A far side that brings buffers home lets it grow without bound, and wrap: only its sum with the
  /// other end's, or its difference from what was brought home, is to be taken apart.
  func word(_ slot: Int) -> Int {
    let usual = unsafe usual.pointee.region
    let value = unsafe values[slot].load(ordering: .relaxed)
    guard usual != .none, usual.slot == slot else { return value }
    return unsafe value &+ self.usual.pointee.balance
  }

  /// Starts an account for a region that has just been put into the table.
  ///
  /// - Parameter isClosed: whether an end has gone.
  func open(_ entry: RegionTable.Entry, _ note: AwayNote, isClosed: Bool) {
    let slot = entry.id.slot
    unsafe values[slot].store(0, ordering: .relaxed)
    unsafe notes[slot] = note
    // The first that is there; another in its slot says that it has gone.
    let usual = unsafe usual.pointee.region
    if usual == .none || usual.slot == slot { unsafe self.usual.pointee.open(entry, note, isClosed: isClosed) }
  }

  /// Ends the account of a region that is deregistered.
  func close(_ region: RegionID) {
    if unsafe usual.pointee.region == region { unsafe usual.pointee.close() }
  }

  /// An end has gone: no region is usual any more, so that every enqueue finds that out.
  func refuse() { unsafe usual.pointee.id.store(UsualRegion.nobody, ordering: .relaxed) }
}
