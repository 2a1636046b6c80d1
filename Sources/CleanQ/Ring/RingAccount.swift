public import Synchronization

/// What one end knows of the buffers of one region: how many passed it, how many of those by a path that is not the common one,
/// and the note that tells them apart.
///
/// The *note* is a bit of the descriptor, which the region has for this queue alone. It is set when the end that did not register
/// the region, the far end, dequeues a buffer, and cleared when either end enqueues the buffer again, or when it ends. So
///
///     in flight = passed at one end + passed at the other
///     away      = bytes of the live buffers that carry the note
///               = changes at the peer - passed at the far end + strange at either end
///
/// Bytes and buffers have a word each, so that neither can overflow into the other: no number of buffers is too large, and a sum
/// that wraps, after 2⁶³ bytes, is correct again when the words are added. An open account is written by its own end, with plain
/// stores, and read by the other end.
@safe
@usableFromInline
struct RingAccount: ~Copyable {
  /// Enqueued, less taken.
  @usableFromInline let passedByteCount = Atomic<Int>(0)
  @usableFromInline let passedBufferCount = Atomic<Int>(0)
  /// Handed over otherwise than buffers commonly are: by the far end, without the note (it got them past the queue), less by the
  /// near end with the note (they came back past the queue).
  @usableFromInline let strangeByteCount = Atomic<Int>(0)
  @usableFromInline let strangeBufferCount = Atomic<Int>(0)
  /// The bits that ``RingNote`` says.
  @usableFromInline let note = Atomic<UInt64>(0)
  @usableFromInline let expected = Atomic<UInt64>(0)

  init() {}

  /// Starts anew, for a region whose entry in the table is not yet there.
  func open(_ note: RingNote) {
    passedByteCount.store(0, ordering: .relaxed)
    passedBufferCount.store(0, ordering: .relaxed)
    strangeByteCount.store(0, ordering: .relaxed)
    strangeBufferCount.store(0, ordering: .relaxed)
    self.note.store(note.bit, ordering: .relaxed)
    expected.store(note.expected, ordering: .relaxed)
  }

  /// The region's note, as this end sees it.
  var ringNote: RingNote {
    RingNote(bit: note.load(ordering: .relaxed), expected: expected.load(ordering: .relaxed))
  }

  /// Adds to what passed this end. Only this end writes it, so a load and a store do.
  func addPassed(byteCount: Int, bufferCount: Int) {
    add(byteCount, to: passedByteCount)
    add(bufferCount, to: passedBufferCount)
  }

  func addStrange(byteCount: Int, bufferCount: Int) {
    add(byteCount, to: strangeByteCount)
    add(bufferCount, to: strangeBufferCount)
  }

  private func add(_ change: Int, to word: borrowing Atomic<Int>) {
    word.store(word.load(ordering: .relaxed) &+ change, ordering: .relaxed)
  }
}
