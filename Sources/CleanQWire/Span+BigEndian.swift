// Network byte order is big-endian (RFC 791, appendix B). The loads are put together from bytes, which is safe and
// portable; LLVM turns each into one load and a byte swap, and drops the bounds checks when the caller has compared
// `count` with a constant first.

extension Span<UInt8> {
  /// The big-endian 16-bit number at `offset`.
  ///
  /// - Precondition: `offset + 2 <= count`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func bigEndian16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset &+ 1])
  }

  /// The big-endian 32-bit number at `offset`.
  ///
  /// - Precondition: `offset + 4 <= count`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func bigEndian32(at offset: Int) -> UInt32 {
    UInt32(self[offset]) << 24 | UInt32(self[offset &+ 1]) << 16
      | UInt32(self[offset &+ 2]) << 8 | UInt32(self[offset &+ 3])
  }
}

extension MutableSpan<UInt8> {
  /// Writes `value` at `offset` in network byte order.
  ///
  /// - Precondition: the number's bytes are all inside.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public mutating func storeBigEndian<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ value: Number, at offset: Int
  ) {
    storeWord(value.bigEndian, at: offset)
  }
}
