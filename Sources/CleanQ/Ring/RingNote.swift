/// The note on a region's buffers as one end of a ring looks for it and makes it: bits of a descriptor's `content`.
@frozen
@usableFromInline
struct RingNote: Equatable, BitwiseCopyable {
  /// The one bit that the region has for the ring.
  @usableFromInline let bit: UInt64
  /// What of it a buffer commonly has when this end hands it over: the bit at the far end, nothing at the near one. It has
  /// nothing on its way, and has this again when this end takes it.
  @usableFromInline let expected: UInt64

  @inlinable
  init(bit: UInt64, expected: UInt64) {
    self.bit = bit
    self.expected = expected
  }

  /// - Parameter isFar: whether the end did not register the region.
  init(index: Int, isFar: Bool) {
    bit = 1 << UInt64(AwayNote.firstBit + index)
    expected = isFar ? bit : 0
  }
}

extension Descriptor {
  /// Whether the note is as it commonly is at the end.
  @inlinable
  @inline(__always)
  func isCommon(_ note: RingNote) -> Bool { content & note.bit == note.expected }

  /// Without the note, as on its way.
  func cleared(of note: RingNote) -> Descriptor {
    var descriptor = self
    descriptor.content &= ~note.bit
    return descriptor
  }

  /// With the note that the end makes when it takes the buffer.
  @inlinable
  @inline(__always)
  func taken(with expected: UInt64) -> Descriptor {
    var descriptor = self
    descriptor.content |= expected
    return descriptor
  }
}
