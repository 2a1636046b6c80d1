/// Whether a buffer is at the peer of a queue: a bit in the descriptor, set when the side that did not register the region
/// dequeues the buffer, and cleared when either side enqueues it again.
///
/// There is a bit for each of the two-ended queues with the region, so it works for a row of them too. See ``FarSide``. The
/// bits are notes of this process: a descriptor that comes with one from outside is invalid.
@frozen
@usableFromInline
struct AwayNote: BitwiseCopyable {
  /// The bits of a descriptor's `content` that are notes, above eight marks.
  @inlinable
  static var mask: UInt64 { 0xFFFF_FF00 << 32 }

  /// The lowest of them.
  static let firstBit = 40

  @usableFromInline let keep: UInt64
  @usableFromInline let set: UInt64

  /// - Parameters:
  ///   - index: which bit.
  ///   - isAway: whether the buffer goes to the peer.
  init(_ index: Int, isAway: Bool) {
    let bit: UInt64 = 1 << UInt64(Self.firstBit + index)
    keep = ~bit
    set = isAway ? bit : 0
  }

  /// Changes nothing.
  init() { self.init(keep: ~0, set: 0) }

  @inlinable
  init(keep: UInt64, set: UInt64) {
    self.keep = keep
    self.set = set
  }
}

extension Descriptor {
  /// The same descriptor, with the note made.
  @inlinable
  @inline(__always)
  func noted(_ note: AwayNote) -> Descriptor {
    var descriptor = self
    descriptor.content = content & note.keep | note.set
    return descriptor
  }

  /// The notes, bit 0 for the first.
  var awayBits: UInt32 { UInt32(truncatingIfNeeded: content >> UInt64(AwayNote.firstBit)) }

  @inlinable
  var withoutNotes: Descriptor {
    var descriptor = self
    descriptor.content = content & ~AwayNote.mask
    return descriptor
  }

  /// Nothing is valid from here on, and the only mark is that of a packet by itself. Leaves the notes.
  @inlinable
  @inline(__always)
  mutating func empty(from validOffset: UInt32) {
    // By addition, as in `shift(by:to:)`.
    extent &+= UInt64(bitPattern: Int64(validOffset) &- Int64(self.validOffset)) << 32
    content = content & AwayNote.mask | UInt64(BufferFlags.last.rawValue) << 32
  }

  /// The marks of the buffer's user. Setting them leaves the notes.
  @inlinable
  var marks: BufferFlags {
    get { flags.intersection(.all) }
    set {
      let all = UInt64(BufferFlags.all.rawValue) << 32
      content = content & ~all | UInt64(newValue.rawValue) << 32 & all
    }
  }
}
