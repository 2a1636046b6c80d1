// Words as they lie in memory, for sums that do not care for byte order (RFC 1071 § 2 (B)) and for what is copied as it is.
//
// One load or store each, with one check of its bounds, which goes where the caller has compared `count` with a constant.
// Put together from bytes they are as safe and as fast by themselves, but where two of them share a byte, or one is used in
// part, LLVM takes them to pieces again.

extension Span<UInt8> {
  /// The little-endian 16-bit number at `offset`.
  ///
  /// - Precondition: `offset + 2 <= count`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func littleEndian16(at offset: Int) -> UInt16 { UInt16(littleEndian: word(at: offset)) }

  /// The little-endian 32-bit number at `offset`.
  ///
  /// - Precondition: `offset + 4 <= count`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func littleEndian32(at offset: Int) -> UInt32 { UInt32(littleEndian: word(at: offset)) }

  /// The little-endian 64-bit number at `offset`.
  ///
  /// - Precondition: `offset + 8 <= count`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func littleEndian64(at offset: Int) -> UInt64 { UInt64(littleEndian: word(at: offset)) }

  /// The number at `offset` in the machine's order.
  @inlinable @inline(__always)
  func word<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(at offset: Int) -> Number {
    // SAFETY: the load checks its bounds, and a number may have any bytes.
    unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self)
  }
}

extension MutableSpan<UInt8> {
  /// Writes `value` at `offset`, its low byte first.
  ///
  /// - Precondition: the number's bytes are all inside.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public mutating func storeLittleEndian<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ value: Number, at offset: Int
  ) {
    storeWord(value.littleEndian, at: offset)
  }

  /// Writes a number at `offset` in the machine's order.
  @inlinable @inline(__always)
  mutating func storeWord<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ value: Number, at offset: Int
  ) {
    // SAFETY: the store checks its bounds, and bytes may have any value.
    var bytes = unsafe mutableBytes
    bytes.storeBytes(of: value, toByteOffset: offset, as: Number.self)
  }
}
