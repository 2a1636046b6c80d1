public import Synchronization

/// One end's running balance per region slot: bytes and buffers that it handed over minus those that it took; and the note
/// that it makes on those that it takes.
///
/// Both in one word, buffers above bytes, so that a hand-over costs one addition. Its own end writes it with plain stores;
/// the other end reads it for a census. The balances of the two ends add up to what is in flight.
@safe
@usableFromInline
final class RingBalance: @unchecked Sendable {
  /// Bits of a balance that count bytes; a region is shorter than half of what they can say.
  @inlinable
  static var byteBits: Int { 40 }

  @usableFromInline let values: UnsafeMutablePointer<Atomic<Int>>
  /// Written when a region is registered, before the first of its buffers can be published.
  @usableFromInline let notes: UnsafeMutablePointer<AwayNote>

  init() {
    unsafe values = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: RegionDirectory.capacity)
    for slot in 0..<RegionDirectory.capacity { unsafe (values + slot).initialize(to: Atomic(0)) }
    unsafe notes = UnsafeMutablePointer<AwayNote>.allocate(capacity: RegionDirectory.capacity)
    unsafe notes.initialize(repeating: AwayNote(), count: RegionDirectory.capacity)
  }

  deinit {
    unsafe values.deallocate()
    unsafe notes.deallocate()
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
  func word(_ slot: Int) -> Int { unsafe values[slot].load(ordering: .relaxed) }

  /// Starts an account for the region in a slot.
  func open(_ slot: Int, _ note: AwayNote) {
    unsafe values[slot].store(0, ordering: .relaxed)
    unsafe notes[slot] = note
  }
}
