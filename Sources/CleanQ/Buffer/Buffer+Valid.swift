public import CPlatform

extension Buffer {
  /// Where devices put the first byte of a frame: room for metadata and for headers that a layer puts in front, and
  /// such that what follows a 14-byte Ethernet header starts at a multiple of 64.
  @inlinable
  public static var standardHeadroom: Int { 50 }

  /// Chooses the valid part.
  ///
  /// - Returns: false, with nothing changed, if it would not be inside the buffer.
  @inlinable @inline(__always)
  public mutating func setValid(offset: Int, byteCount: Int) -> Bool {
    guard UInt(bitPattern: offset) <= UInt(bitPattern: self.byteCount),
      UInt(bitPattern: byteCount) <= UInt(bitPattern: self.byteCount &- offset)
    else { return false }
    descriptor.shift(by: offset &- headroom, to: byteCount)
    return true
  }

  /// Whether the buffer is a packet by itself, with no mark but `.last`: as almost all are.
  ///
  /// - Complexity: O(1), one comparison of a byte. Left to itself LLVM masks the word with one 64-bit constant and compares it
  ///   with another, twice the instructions.
  @inlinable @inline(__always)
  public var isSingle: Bool {
    UInt8(truncatingIfNeeded: cplatform_opaque(descriptor.content >> 32)) == UInt8(BufferFlags.last.rawValue)
  }

  /// Clears the buffer for a device to fill: headroom (less in a buffer that is shorter), nothing valid, one packet.
  @inlinable @inline(__always)
  public mutating func reset(headroom: Int = Buffer.standardHeadroom) {
    descriptor.empty(from: min(UInt32(truncatingIfNeeded: headroom), descriptor.byteCount))
  }

  /// Moves the start of the valid part back over `count` bytes of headroom, to put a header there.
  ///
  /// - Returns: false, with nothing changed, where the headroom is shorter.
  @inlinable @inline(__always)
  public mutating func prepend(_ count: Int) -> Bool {
    guard count >= 0, count <= headroom else { return false }
    descriptor.shift(by: -count, to: validByteCount &+ count)
    return true
  }

  /// Drops `count` bytes from the front of the valid part: a header that was read. They become headroom.
  ///
  /// - Returns: false, with nothing changed, where fewer are valid.
  @inlinable @inline(__always)
  public mutating func trimFront(_ count: Int) -> Bool {
    guard count >= 0, count <= validByteCount else { return false }
    descriptor.shift(by: count, to: validByteCount &- count)
    return true
  }

  /// Shortens the valid part to its first `count` bytes: padding that is not part of the packet.
  ///
  /// - Returns: false, with nothing changed, where fewer are valid.
  @inlinable @inline(__always)
  public mutating func truncate(to count: Int) -> Bool {
    guard count >= 0, count <= validByteCount else { return false }
    descriptor.shift(by: 0, to: count)
    return true
  }

  /// Drops `count` bytes from the front of the valid part and keeps `byteCount` of what follows: without a header that was
  /// read, and without padding.
  ///
  /// - Returns: false, with nothing changed, where fewer are valid.
  @inlinable @inline(__always)
  public mutating func trimFront(_ count: Int, keeping byteCount: Int) -> Bool {
    guard count >= 0, count <= validByteCount, UInt(bitPattern: byteCount) <= UInt(bitPattern: validByteCount &- count)
    else { return false }
    descriptor.shift(by: count, to: byteCount)
    return true
  }

  /// Replaces the valid part by `bytes`, behind at least `headroom` bytes of headroom.
  ///
  /// - Returns: false, with nothing changed, where they do not fit.
  /// - Complexity: O(number of bytes).
  public mutating func fill(from bytes: Span<UInt8>, headroom: Int = Buffer.standardHeadroom) -> Bool {
    guard setValid(offset: headroom, byteCount: bytes.count) else { return false }
    var destination = mutableBytes
    for index in 0..<bytes.count { destination[index] = bytes[index] }
    return true
  }
}
