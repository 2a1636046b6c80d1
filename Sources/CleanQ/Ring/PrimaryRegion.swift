public import Synchronization

/// The region that nearly all buffers of a ring are of, as one end needs it: all that the data path asks of a region, in
/// cache lines that no other thread writes while buffers move.
///
/// One comparison with `id` says that a buffer's region is registered, at that generation, and that neither end has gone; one
/// of the buffer's marks that it is a packet by itself and carries the note that is common at this end. Where one fails
/// ``RegionTable``, ``RingAccount`` and ``RingMemory/isClosed`` have the answer. Changed by set-up calls, under the lock of
/// the channel's registrations, and only while no buffer of the old region or the new is in the queue or carries the note. The
/// other end may look at it meanwhile, for a buffer that it got past the queue: the notes are set once and for all, so it finds
/// that the buffer has not got the common one, and takes the slow path.
@safe
@usableFromInline
struct PrimaryRegion: ~Copyable, @unchecked Sendable {
  /// The region's id; ``nobody`` where none is registered, or an end has gone.
  @usableFromInline let id = Atomic<UInt64>(PrimaryRegion.nobody)
  /// What to look for in a buffer that is enqueued, ``RingNote/bit`` and the mark ``BufferFlags/last``, and how they commonly are.
  @usableFromInline let mask = Atomic<UInt64>(PrimaryRegion.last)
  @usableFromInline let common = Atomic<UInt64>(PrimaryRegion.last)
  /// ``RingNote/expected``.
  @usableFromInline let expected = Atomic<UInt64>(0)
  /// What this end enqueued, and what it took. Words of their own, so that neither waits for the other.
  @usableFromInline let handedByteCount = Atomic<Int>(0)
  @usableFromInline let handedBufferCount = Atomic<Int>(0)
  @usableFromInline let takenByteCount = Atomic<Int>(0)
  @usableFromInline let takenBufferCount = Atomic<Int>(0)
  @usableFromInline let start: Atomic<UInt>
  @usableFromInline let size = Atomic<UInt64>(0)
  private let regionID = Atomic<UInt64>(RegionID.none.rawValue)

  /// Whose counts those are, also when an end has gone. Changes under the lock of the channel's registrations only.
  var region: RegionID { RegionID(rawValue: regionID.load(ordering: .relaxed)) }

  /// The note of every region that is primary here, once there was one; likewise.
  private var note: RingNote? {
    let bit = mask.load(ordering: .relaxed) & ~Self.last
    return bit == 0 ? nil : RingNote(bit: bit, expected: expected.load(ordering: .relaxed))
  }

  /// The id of no buffer, nor of a slot of the ring that was never written: a slot and a generation that are never given out.
  static let nobody = UInt64.max

  /// The mark ``BufferFlags/last`` in a descriptor's `content`.
  @inlinable
  static var last: UInt64 { UInt64(BufferFlags.last.rawValue) << 32 }

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

  /// Whether a buffer is of this region, a packet by itself, and has the note that is common at this end.
  @inlinable
  @inline(__always)
  func takes(_ descriptor: Descriptor) -> Bool {
    // Acquire; pairs with the release in `open`: a thread that sees the id sees the notes.
    id.load(ordering: .acquiring) == descriptor.region.rawValue
      && descriptor.content & mask.load(ordering: .relaxed) == common.load(ordering: .relaxed)
  }

  /// Takes a region that is about to be put into the table.
  ///
  /// A region that has another note than the first had here, or was registered by the other end, is not primary: the data path
  /// looks at id and note one after the other, and must never see those of two regions.
  func open(_ entry: RegionTable.Entry, _ note: RingNote, isClosed: Bool) {
    guard entry.base != 0, self.note == nil || self.note == note else {
      // What it takes the place of, in the same slot, has gone.
      return close()
    }
    if self.note == nil {
      mask.store(note.bit | Self.last, ordering: .relaxed)
      common.store(note.expected | Self.last, ordering: .relaxed)
      expected.store(note.expected, ordering: .relaxed)
    }
    regionID.store(entry.id.rawValue, ordering: .relaxed)
    start.store(entry.base, ordering: .relaxed)
    size.store(entry.byteCount, ordering: .relaxed)
    clear()
    // Release; pairs with the acquire in `takes`.
    if !isClosed { id.store(entry.id.rawValue, ordering: .releasing) }
  }

  /// The number of the note that every region has which is primary here; nil before the first.
  var noteIndex: Int? { note.map { $0.bit.trailingZeroBitCount - AwayNote.firstBit } }

  /// Lets the region go.
  func close() {
    id.store(Self.nobody, ordering: .relaxed)
    clear()
    regionID.store(RegionID.none.rawValue, ordering: .relaxed)
  }

  private func clear() {
    handedByteCount.store(0, ordering: .relaxed)
    handedBufferCount.store(0, ordering: .relaxed)
    takenByteCount.store(0, ordering: .relaxed)
    takenBufferCount.store(0, ordering: .relaxed)
  }

  /// What this end enqueued less what it took.
  var passed: RingCount {
    RingCount(
      byteCount: handedByteCount.load(ordering: .relaxed) &- takenByteCount.load(ordering: .relaxed),
      bufferCount: handedBufferCount.load(ordering: .relaxed) &- takenBufferCount.load(ordering: .relaxed))
  }
}
