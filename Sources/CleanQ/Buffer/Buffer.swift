/// The exclusive right to access a range of bytes in a region. The holder of the value owns the bytes.
///
/// A buffer cannot be copied. Handing it to a queue consumes it, so using it after handoff does not compile. One that
/// goes out of scope brings its bytes home to the region, where it is counted as leaked.
///
/// Layout: `byteCount` bytes, of which a range in the middle is valid. Before it is headroom (for headers still to
/// be prepended), behind it tailroom.
///
///     |<---------------- byteCount ---------------->|
///     | headroom | validByteCount bytes  | tailroom |
///
/// Invariant: the descriptor is in bounds of a region that exists, and no other buffer names any of its bytes.
/// Sendable: the bytes go where the value goes.
@safe
@frozen
public struct Buffer: ~Copyable, @unchecked Sendable {
  /// The region's first byte.
  @usableFromInline let base: UnsafeMutableRawPointer
  @usableFromInline var descriptor: Descriptor

  /// Turns a descriptor into ownership.
  ///
  /// SAFETY: the caller has checked the descriptor against the region that starts at `base`, and has taken these bytes
  /// from their owner, so that this is the only buffer that names them.
  @unsafe
  @inlinable
  init(base: UnsafeMutableRawPointer, descriptor: Descriptor) {
    unsafe self.base = unsafe base
    self.descriptor = descriptor
  }

  deinit { returnHome(descriptor) }

  /// Ends the buffer without returning its bytes: they belong to the receiver of the descriptor.
  @inlinable
  consuming func intoDescriptor() -> Descriptor {
    let descriptor = descriptor
    discard self
    return descriptor
  }
}

/// Brings a leaked buffer's bytes home. Off the data path: it takes two locks.
@usableFromInline
func returnHome(_ descriptor: Descriptor) {
  guard let control = RegionDirectory.control(of: descriptor.region) else {
    preconditionFailure("a buffer outlived \(descriptor.region)")
  }
  let start = Int(descriptor.offset)
  if control.putBack(start..<(start + Int(descriptor.byteCount)), notes: descriptor.awayBits, isLeaked: true) {
    RegionDirectory.retire(control.id)
  }
}

extension Buffer {
  /// Gives the bytes back to their region: the orderly end of a buffer.
  ///
  /// - Complexity: takes the region's lock; not for the data path.
  public consuming func release() {
    let descriptor = intoDescriptor()
    guard let control = RegionDirectory.control(of: descriptor.region) else {
      preconditionFailure("a buffer outlived \(descriptor.region)")
    }
    let start = Int(descriptor.offset)
    if control.putBack(start..<(start + Int(descriptor.byteCount)), notes: descriptor.awayBits, isLeaked: false) {
      RegionDirectory.retire(control.id)
    }
  }

  /// The region whose bytes these are.
  @inlinable
  public var region: RegionID { descriptor.region }

  /// The first byte, counted from the region's.
  @inlinable
  public var offset: Int { Int(truncatingIfNeeded: descriptor.offset) }

  /// The length in bytes, valid or not.
  @inlinable
  public var byteCount: Int { Int(descriptor.byteCount) }

  /// Bytes in front of the valid part.
  @inlinable
  public var headroom: Int { Int(descriptor.validOffset) }

  /// Bytes in the valid part.
  @inlinable
  public var validByteCount: Int { Int(descriptor.validByteCount) }

  /// Bytes behind the valid part.
  @inlinable
  public var tailroom: Int { byteCount &- headroom &- validByteCount }

  /// The marks that travel with the buffer.
  @inlinable
  public var flags: BufferFlags {
    get { descriptor.marks }
    set { descriptor.marks = newValue }
  }

  /// A plain value that names this buffer and gives no right to it: for logs and checks.
  @inlinable
  public var name: Descriptor { descriptor.withoutNotes }
}
