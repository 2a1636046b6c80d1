public import Synchronization

/// The region that nearly all buffers of a ring are of, as one end needs it: all that the data path asks of a region, in
/// cache lines that no other thread writes while buffers move.
///
/// One comparison with `id` says that a buffer's region is registered, at that generation, and that neither end has gone.
/// Where it fails ``RegionTable`` and ``RingMemory/isClosed`` have the answer. Changed by set-up calls, under the lock of
/// the channel's registrations, and only while no buffer of the old region or the new is in the queue. The data path may
/// look at it meanwhile, for a buffer of a third region; it then uses nothing of what it saw.
@safe
@usableFromInline
struct UsualRegion: ~Copyable, @unchecked Sendable {
  /// The region's id; ``nobody`` where none is registered, or an end has gone.
  @usableFromInline let id = Atomic<UInt64>(UsualRegion.nobody)
  @usableFromInline let start: Atomic<UInt>
  @usableFromInline let size = Atomic<UInt64>(0)
  @usableFromInline let noteKeep = Atomic<UInt64>(AwayNote().keep)
  @usableFromInline let noteSet = Atomic<UInt64>(AwayNote().set)
  /// What this end handed over, and what it took; ``RingBalance`` says how it is counted. Two words, so that neither waits for
  /// the other.
  @usableFromInline let handed = Atomic<Int>(0)
  @usableFromInline let taken = Atomic<Int>(0)
  /// Whose counts those are, also when an end has gone.
  private(set) var region = RegionID.none

  /// The id of no buffer, nor of a slot of the ring that was never written: a slot and a generation that are never given out.
  static let nobody = UInt64.max

  /// Two lines, since the processor fetches them in pairs.
  static let stride = 128

  /// - Parameter base: any address; it is not followed while there is no region.
  init(base: UnsafeMutableRawPointer) { start = Atomic(UInt(bitPattern: base)) }

  /// The region's first byte.
  @inlinable
  var base: UnsafeMutableRawPointer {
    // SAFETY: only addresses are stored, so it is never 0, which to ask each time costs two instructions.
    unsafe UnsafeMutableRawPointer(bitPattern: start.load(ordering: .relaxed)).unsafelyUnwrapped
  }

  /// The region's length.
  @inlinable
  var byteCount: UInt64 { size.load(ordering: .relaxed) }

  /// The note that this end makes on the region's buffers when it takes them.
  @inlinable
  var note: AwayNote {
    AwayNote(keep: noteKeep.load(ordering: .relaxed), set: noteSet.load(ordering: .relaxed))
  }

  /// Takes a region that has just been put into the table.
  mutating func open(_ entry: RegionTable.Entry, _ note: AwayNote, isClosed: Bool) {
    guard entry.base != 0 else { return }
    region = entry.id
    start.store(entry.base, ordering: .relaxed)
    size.store(entry.byteCount, ordering: .relaxed)
    noteKeep.store(note.keep, ordering: .relaxed)
    noteSet.store(note.set, ordering: .relaxed)
    handed.store(0, ordering: .relaxed)
    taken.store(0, ordering: .relaxed)
    // The data path compares it with the regions of buffers, of which none can be there before the caller has returned.
    if !isClosed { id.store(entry.id.rawValue, ordering: .releasing) }
  }

  /// Lets the region go.
  mutating func close() {
    id.store(Self.nobody, ordering: .relaxed)
    handed.store(0, ordering: .relaxed)
    taken.store(0, ordering: .relaxed)
    region = .none
  }

  /// What this end handed over less what it took.
  var balance: Int { handed.load(ordering: .relaxed) &- taken.load(ordering: .relaxed) }
}
