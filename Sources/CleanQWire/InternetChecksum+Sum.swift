extension InternetChecksum {
  /// The one's complement sum of the little-endian 64-bit words of `bytes`, with zero bytes after the last.
  ///
  /// Modulo 2^64 - 1 a word of 64 bits stands for the four of 16 bits in it, since 2^16 - 1 divides 2^64 - 1; so words of
  /// any length may be added, with the carry put back in, and folded once at the end.
  ///
  /// Words are added into 128-bit sums: an add and an add-with-carry each, at any alignment, with no vector set-up to pay
  /// for in short headers. Two sums keep two chains of carries in flight. Shrinking the span, in place of moving an index,
  /// lets the one comparison of `count` stand for every bounds check; an index would leave a check per byte, and no
  /// word-sized load.
  ///
  /// Source: RFC 1071 § 2 (C), parallel summation, and (A), deferred carries.
  ///
  /// - Complexity: O(`bytes.count`).
  @inlinable @inline(never)
  static func littleEndianSum(_ bytes: Span<UInt8>) -> UInt64 {
    var even: UInt128 = 0
    var odd: UInt128 = 0
    var rest = bytes
    while rest.count >= 64 {
      even &+= UInt128(rest.littleEndian64(at: 0)) &+ UInt128(rest.littleEndian64(at: 8))
      odd &+= UInt128(rest.littleEndian64(at: 16)) &+ UInt128(rest.littleEndian64(at: 24))
      even &+= UInt128(rest.littleEndian64(at: 32)) &+ UInt128(rest.littleEndian64(at: 40))
      odd &+= UInt128(rest.littleEndian64(at: 48)) &+ UInt128(rest.littleEndian64(at: 56))
      rest = rest.extracting(droppingFirst: 64)
    }
    even &+= odd
    while rest.count >= 8 {
      even &+= UInt128(rest.littleEndian64(at: 0))
      rest = rest.extracting(droppingFirst: 8)
    }
    let words = sum(UInt64(truncatingIfNeeded: even), UInt64(truncatingIfNeeded: even >> 64))
    return rest.isEmpty ? words : sum(words, tail(rest))
  }

  /// The word that at most 7 bytes make.
  @inlinable @inline(__always)
  static func tail(_ bytes: Span<UInt8>) -> UInt64 {
    var word: UInt64 = 0
    var shift: UInt64 = 0
    var rest = bytes
    if rest.count >= 4 {
      word = UInt64(rest.littleEndian32(at: 0))
      shift = 32
      rest = rest.extracting(droppingFirst: 4)
    }
    if rest.count >= 2 {
      word |= UInt64(rest.littleEndian16(at: 0)) << shift
      shift &+= 16
      rest = rest.extracting(droppingFirst: 2)
    }
    if rest.count >= 1 { word |= UInt64(rest[0]) << shift }
    return word
  }

  /// The one's complement sum of two words: the carry goes back in. It is 0 only where both are.
  @inlinable @inline(__always)
  static func sum(_ first: UInt64, _ second: UInt64) -> UInt64 {
    let (sum, isCarried) = first.addingReportingOverflow(second)
    return sum &+ (isCarried ? 1 : 0)
  }

  /// The one's complement sum of the four words of 16 bits in `sum`.
  ///
  /// To add the halves of a word, it is added to itself with the halves swapped: each half then is the sum, and the carry
  /// out of the lower one has gone into the upper one, where it belongs.
  ///
  /// A sum other than 0 never comes to 0: one's complement has two zeros, and only a sum of zeros gives the positive one.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  static func fold(_ sum: UInt64) -> UInt16 {
    let half = UInt32(truncatingIfNeeded: (sum &+ (sum << 32 | sum >> 32)) >> 32)
    return UInt16(truncatingIfNeeded: (half &+ (half << 16 | half >> 16)) >> 16)
  }
}
