extension InternetChecksum {
  /// The one's complement sum of the little-endian 64-bit words of `bytes`, with zero bytes after the last.
  ///
  /// Modulo 2^64 - 1 a word of 64 bits stands for the four of 16 bits in it, since 2^16 - 1 divides 2^64 - 1; so words of
  /// any length may be added, with the carry put back in, and folded once at the end.
  ///
  /// Each word after the first of a group is one add-with-carry (``OpenSum``), at any alignment, with no vector set-up to pay
  /// for in short headers. Two sums keep two chains of carries in flight. Shrinking the span, in place of moving an index,
  /// lets the one comparison of `count` stand for every bounds check; an index would leave a check per byte, and no
  /// word-sized load.
  ///
  /// Source: RFC 1071 § 2 (C), parallel summation, and (A), deferred carries.
  ///
  /// - Complexity: O(`bytes.count`).
  @inlinable @inline(never)
  static func littleEndianSum(_ bytes: Span<UInt8>) -> UInt64 { sumInline(0, bytes) }

  /// `start` and the same sum, in line: for the packets that are so many that a call for each is felt.
  ///
  /// - Complexity: O(`bytes.count`).
  @inlinable @inline(__always)
  static func sumInline(_ start: UInt64, _ bytes: Span<UInt8>) -> UInt64 {
    var open = OpenSum(start)
    var rest = bytes
    if rest.count >= 64 {
      if _fastPath(rest.count < 128) {
        open.addFour(of: rest, at: 0)
        open.addFour(of: rest, at: 32)
        open.close()
        rest = rest.extracting(droppingFirst: 64)
      } else {
        var odd = OpenSum(0)
        repeat {
          open.addFour(of: rest, at: 0)
          open.close()
          odd.addFour(of: rest, at: 32)
          odd.close()
          rest = rest.extracting(droppingFirst: 64)
        } while rest.count >= 64
        open.add(odd.closed)
        open.close()
      }
      if rest.isEmpty { return open.closed }
    }
    if rest.count >= 32 {
      open.addFour(of: rest, at: 0)
      open.close()
      rest = rest.extracting(droppingFirst: 32)
    }
    if rest.count >= 16 {
      open.add(rest.littleEndian64(at: 0))
      open.add(rest.littleEndian64(at: 8))
      open.close()
      rest = rest.extracting(droppingFirst: 16)
    }
    if rest.count >= 8 {
      open.add(rest.littleEndian64(at: 0))
      open.close()
      rest = rest.extracting(droppingFirst: 8)
    }
    return rest.isEmpty ? open.closed : sum(open.closed, tail(of: bytes, rest))
  }

  /// The word that the last bytes make, at most 7: of those that are 8 or more the end of their last 8.
  @inlinable @inline(__always)
  static func tail(of bytes: Span<UInt8>, _ rest: Span<UInt8>) -> UInt64 {
    guard bytes.count >= 8 else { return tail(rest) }
    return bytes.littleEndian64(at: bytes.count &- 8) &>> (0 &- 8 &* UInt64(truncatingIfNeeded: rest.count))
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

  /// Whether a sum folds to 0xFFFF: whether it is not 0 and 2^16 - 1 divides it, since the folded sum is its remainder.
  ///
  /// (2^16 - 1) times 0x0001_0001_0001_0001, the greatest quotient there is, is -1 modulo 2^64. So a multiple other than 0,
  /// times that number, gives its quotient, negative: one of as many greatest numbers, to which the greatest quotient cannot
  /// be added without a carry. Multiplication by an odd number is one to one, so no other sum gives one of them.
  ///
  /// - Complexity: O(1), one multiplication.
  @inlinable @inline(__always)
  static func isOnes(_ sum: UInt64) -> Bool {
    let greatestQuotient: UInt64 = 0x0001_0001_0001_0001
    return (sum &* greatestQuotient).addingReportingOverflow(greatestQuotient).overflow
  }
}

/// A one's complement sum of 64-bit words whose last carry has not been put back in yet, so that it can go into the addition
/// of the next word.
@frozen
@usableFromInline
struct OpenSum {
  @usableFromInline var words: UInt64
  /// 0 or 1. Where it is 1, `words` is not the greatest number: two words and no carry come to at most 2^64 - 2 beyond 2^64,
  /// and such a sum, a word and a carry do too.
  @usableFromInline var carry: UInt64 = 0

  @inlinable @inline(__always)
  init(_ words: UInt64) { self.words = words }

  /// The sum, with the carry in it.
  @inlinable @inline(__always)
  var closed: UInt64 { words &+ carry }

  /// Adds a word. LLVM makes one add-with-carry of this where one follows another; of additions that report their overflow it
  /// does not, once they are in line.
  @inlinable @inline(__always)
  mutating func add(_ word: UInt64) {
    let total = UInt128(words) &+ UInt128(word) &+ UInt128(carry)
    words = UInt64(truncatingIfNeeded: total)
    carry = UInt64(truncatingIfNeeded: total >> 64)
  }

  /// Puts the carry in: before a branch, which the processor's flag for it would not outlive.
  @inlinable @inline(__always)
  mutating func close() { self = OpenSum(closed) }

  /// Adds four words.
  @inlinable @inline(__always)
  mutating func addFour(of bytes: Span<UInt8>, at offset: Int) {
    add(bytes.littleEndian64(at: offset))
    add(bytes.littleEndian64(at: offset &+ 8))
    add(bytes.littleEndian64(at: offset &+ 16))
    add(bytes.littleEndian64(at: offset &+ 24))
  }
}
