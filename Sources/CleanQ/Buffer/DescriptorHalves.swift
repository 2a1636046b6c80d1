public import CPlatform

/// A descriptor as bursts move it through a ring: in two halves of two words each, which are a vector of the processor.
///
/// A burst is enqueued some time after its buffers were changed word by word, so that a vector finds them in the cache; a
/// single buffer is often enqueued at once, and is moved as four words (``Descriptor/store(to:)``).
@frozen
@usableFromInline
struct DescriptorHalves: BitwiseCopyable {
  @usableFromInline typealias Half = SIMD2<UInt64>

  /// Region and offset.
  @usableFromInline let name: Half
  /// `extent` and `content`.
  @usableFromInline let lengths: Half

  @inlinable
  @inline(__always)
  init(name: Half, lengths: Half) {
    self.name = name
    self.lengths = lengths
  }

  /// Loads a descriptor.
  ///
  /// SAFETY: one stands at `place`, and nobody writes it.
  @unsafe
  @inlinable
  @inline(__always)
  init(at place: UnsafeRawPointer) {
    unsafe name = place.loadUnaligned(as: Half.self)
    unsafe lengths = place.loadUnaligned(fromByteOffset: 16, as: Half.self)
  }

  /// Stores the descriptor.
  ///
  /// SAFETY: `place` is good for 32 bytes, and nobody else touches them.
  @unsafe
  @inlinable
  @inline(__always)
  func store(to place: UnsafeMutableRawPointer) {
    unsafe place.storeBytes(of: name, as: Half.self)
    unsafe place.storeBytes(of: lengths, toByteOffset: 16, as: Half.self)
  }

  /// The region's id.
  @inlinable
  var region: UInt64 { name[0] }

  /// The buffer's length in the first word, 0 in the second: to be added to those of others.
  @inlinable
  var byteCount: Half { lengths & Half(0xFFFF_FFFF, 0) }

  /// The same descriptor, with these bits of `content` set: those in the second word.
  @inlinable
  @inline(__always)
  func setting(_ bits: Half) -> DescriptorHalves { DescriptorHalves(name: name, lengths: cplatform_set(lengths, bits)) }

  /// The same descriptor, with these bits of `content` changed.
  @inlinable
  @inline(__always)
  func flipping(_ bits: Half) -> DescriptorHalves {
    DescriptorHalves(name: name, lengths: cplatform_flip(lengths, bits))
  }

  /// Adds what bits are set in the lengths, valid parts and marks.
  @inlinable
  @inline(__always)
  func collect(into bits: inout Half) { bits = cplatform_set(bits, lengths) }
}

extension Buffer {
  /// Where the descriptor stands in a buffer, behind the region's address.
  @inlinable
  static var descriptorOffset: Int { unsafe MemoryLayout<UnsafeMutableRawPointer>.stride }

  /// Makes a buffer of a descriptor in two halves.
  ///
  /// SAFETY: as for ``init(base:descriptor:)``; `place` is free, and good for a buffer.
  @unsafe
  @inlinable
  @inline(__always)
  static func initialize(
    at place: UnsafeMutablePointer<Buffer>, base: UnsafeMutableRawPointer, _ descriptor: DescriptorHalves
  ) {
    let place = UnsafeMutableRawPointer(place)
    unsafe place.storeBytes(of: base, as: UnsafeMutableRawPointer.self)
    unsafe descriptor.store(to: place + descriptorOffset)
  }
}
