public import CPlatform

/// What queues carry: 32 bytes that name a buffer. A descriptor names and does not own; a ``Buffer`` owns.
///
/// Plain data that may come from anywhere, so nothing about it is to be believed before ``fault(regionByteCount:)``
/// said nil.
@frozen
public struct Descriptor: Hashable, Sendable, BitwiseCopyable {
  /// The region, generation included.
  public var region: RegionID
  /// The buffer's first byte, counted from the region's.
  public var offset: UInt64
  // Two fields in one word each, so that a descriptor moves as four words: what is stored in pieces of one size and loaded
  // in pieces of another stalls the processor.
  /// Low half: the buffer's length. High half: where its valid part begins.
  @usableFromInline var extent: UInt64
  /// Low half: the length of the valid part. High half: the marks.
  @usableFromInline var content: UInt64

  @inlinable
  public init(
    region: RegionID, offset: UInt64, byteCount: UInt32, validOffset: UInt32 = 0, validByteCount: UInt32 = 0,
    flags: BufferFlags = .last
  ) {
    self.region = region
    self.offset = offset
    extent = UInt64(byteCount) | UInt64(validOffset) << 32
    content = UInt64(validByteCount) | UInt64(flags.rawValue) << 32
  }

  /// The buffer's length in bytes, at least 1.
  @inlinable
  public var byteCount: UInt32 {
    get { UInt32(truncatingIfNeeded: extent) }
    set { extent = extent & ~0xFFFF_FFFF | UInt64(newValue) }
  }

  /// The first valid byte, counted from the buffer's first.
  @inlinable
  public var validOffset: UInt32 {
    get { UInt32(truncatingIfNeeded: extent >> 32) }
    set { extent = extent & 0xFFFF_FFFF | UInt64(newValue) << 32 }
  }

  /// How many bytes are valid.
  @inlinable
  public var validByteCount: UInt32 {
    get { UInt32(truncatingIfNeeded: content) }
    set { content = content & ~0xFFFF_FFFF | UInt64(newValue) }
  }

  @inlinable
  public var flags: BufferFlags {
    get { BufferFlags(rawValue: UInt32(truncatingIfNeeded: content >> 32)) }
    set { content = content & 0xFFFF_FFFF | UInt64(newValue.rawValue) << 32 }
  }

  /// Moves the start of the valid part and sets its length, which the caller has compared with the buffer's.
  ///
  /// By addition: a field that is masked out and put in again would be stored alone, in half a word, and a load of the
  /// whole word soon after would wait for it.
  @inlinable
  @inline(__always)
  mutating func shift(by count: Int, to validByteCount: Int) {
    extent &+= UInt64(bitPattern: Int64(count)) << 32
    content &+= UInt64(bitPattern: Int64(validByteCount &- Int(self.validByteCount)))
  }

  /// Stores the descriptor as four words.
  ///
  /// SAFETY: `slot` is good for 32 bytes, and nobody else touches them.
  @unsafe
  @inlinable
  @inline(__always)
  func store(to slot: UnsafeMutablePointer<Descriptor>) {
    let words = UnsafeMutableRawPointer(slot)
    unsafe cplatform_store_word(words, region.rawValue)
    unsafe cplatform_store_word(words + 8, offset)
    unsafe cplatform_store_word(words + 16, extent)
    unsafe cplatform_store_word(words + 24, content)
  }

  /// What is wrong with this descriptor in a region of the given size; nil where it is in bounds.
  ///
  /// The sums are formed so that they cannot overflow: each subtraction follows the comparison that makes it safe.
  ///
  /// - Complexity: O(1), four comparisons.
  @inlinable
  public func fault(regionByteCount: UInt64) -> DescriptorFault? {
    fault(regionByteCount: regionByteCount, knownBits: UInt64(BufferFlags.all.rawValue) << 32)
  }

  /// The same, of a descriptor that this process made itself: it may carry the notes of ``AwayNote`` too.
  @inlinable
  func faultOfOwn(regionByteCount: UInt64) -> DescriptorFault? {
    fault(regionByteCount: regionByteCount, knownBits: UInt64(BufferFlags.all.rawValue) << 32 | AwayNote.mask)
  }

  @inlinable
  @inline(__always)
  func fault(regionByteCount: UInt64, knownBits: UInt64) -> DescriptorFault? {
    if byteCount == 0 { return .empty }
    if offset > regionByteCount || UInt64(byteCount) > regionByteCount &- offset { return .outsideRegion }
    if validOffset > byteCount || validByteCount > byteCount &- validOffset { return .validOutsideBuffer }
    if content & ~(knownBits | 0xFFFF_FFFF) != 0 { return .unknownFlags }
    return nil
  }
}

/// Marks on a buffer. A mark is never a command: no queue operation is asked for by one.
@frozen
public struct BufferFlags: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32

  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The last buffer of its packet. A packet in one buffer, the common case, carries it; in a chain only the last does.
  @inlinable
  public static var last: BufferFlags { BufferFlags(rawValue: 1 << 0) }

  /// A packet that a protocol layer made out of a received buffer (an ARP or ICMP reply). Once it is sent, the layer
  /// puts the buffer back on the receive queue; the layer's user never sees it among its own.
  @inlinable
  public static var reply: BufferFlags { BufferFlags(rawValue: 1 << 1) }

  /// A packet that comes from a capture: the buffer says when it was captured, and how long it was then (``Buffer/record``).
  @inlinable
  public static var recorded: BufferFlags { BufferFlags(rawValue: 1 << 2) }

  /// Every mark that exists.
  @inlinable
  public static var all: BufferFlags { BufferFlags(rawValue: 0b111) }
}

/// What can be wrong with a descriptor.
@frozen
public enum DescriptorFault: UInt8, Error, Equatable, Sendable, CaseIterable {
  /// It names no byte.
  case empty
  /// It names a byte that the region does not have.
  case outsideRegion
  /// Its valid part is not inside the buffer.
  case validOutsideBuffer
  /// It carries a mark that does not exist.
  case unknownFlags
  /// Its region is not registered here, or no longer, or at another generation.
  case unknownRegion
}
