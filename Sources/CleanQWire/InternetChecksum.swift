/// A running Internet checksum: the one's complement of the one's-complement sum of 16-bit words. Sendable.
///
/// Add spans, words and addresses in the order of the wire, then take `value`. Spans may have odd lengths: the next
/// one then continues in the middle of a word. The byte where the checksum goes must be zero, or, when verifying,
/// hold the checksum.
///
/// ```
/// var checksum = InternetChecksum()
/// checksum.add(header)
/// checksum.add(payload)
/// checksum.value
/// ```
/// Source: RFC 1071 §§ 1–2.
@frozen
public struct InternetChecksum: Sendable {
  /// The sum so far, a one's complement sum of 64-bit words. The words are taken as little-endian: the sum is the same but
  /// for the order of its two bytes (RFC 1071 § 2 (B)), and little-endian machines need not swap each word.
  @usableFromInline var sum: UInt64

  /// Whether an odd number of bytes has been added, so that the next byte is the low half of a word on the wire.
  @usableFromInline var isOdd: Bool

  /// The sum of nothing, whose `value` is 0xFFFF.
  @inlinable
  public init() {
    sum = 0
    isOdd = false
  }

  /// The checksum to put into a packet whose checksum field was added as zero.
  ///
  /// - Complexity: O(1).
  @inlinable public var value: UInt16 { ~Self.fold(sum).byteSwapped }

  /// The same as it lies in memory, of all that was added but a 1, which must be part of it; and 0xFFFF in place of 0, as UDP
  /// wants it (RFC 768).
  ///
  /// The sum is not 0, so neither is its two's complement, which is the one's complement plus 1; and a number other than 0
  /// never folds to 0.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public var littleEndianValueBeyondOne: UInt16 { Self.fold(0 &- sum) }

  /// Whether what was added, its checksum field included, adds up. All zeros do not.
  ///
  /// - Complexity: O(1).
  @inlinable public var isValid: Bool { Self.isOnes(sum) }

  /// Adds `bytes`.
  ///
  /// - Complexity: O(`bytes.count`).
  @inlinable @inline(__always)
  public mutating func add(_ bytes: Span<UInt8>) {
    let added = Self.littleEndianSum(bytes)
    // After an odd byte each byte has the next place: RFC 1071 § 2 (B), byte rotation.
    accumulate(isOdd ? added << 8 | added >> 56 : added)
    isOdd = isOdd != (bytes.count & 1 == 1)
  }

  /// Adds a 16-bit word, such as a length in a pseudo header.
  ///
  /// - Precondition: an even number of bytes has been added before.
  /// - Complexity: O(1).
  @inlinable
  public mutating func add(_ word: UInt16) {
    precondition(!isOdd, "a word can only follow an even number of bytes")
    accumulate(UInt64(word.byteSwapped))
  }

  /// Adds the two words of an address, as pseudo headers do.
  ///
  /// - Precondition: an even number of bytes has been added before.
  /// - Complexity: O(1).
  @inlinable
  public mutating func add(_ address: IPv4Address) {
    precondition(!isOdd, "an address can only follow an even number of bytes")
    accumulate(UInt64(address.rawValue.byteSwapped))
  }

  /// Adds four 16-bit words as they lie in memory: what `littleEndian64(at:)` gives, at an even place in the packet.
  ///
  /// - Precondition: an even number of bytes has been added before.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public mutating func add(littleEndian words: UInt64) {
    precondition(!isOdd, "words can only follow an even number of bytes")
    accumulate(words)
  }

  /// Adds `bytes` in line: for the packets that are so many that a call for each is felt.
  ///
  /// - Precondition: an even number of bytes has been added before.
  /// - Complexity: O(`bytes.count`).
  @inlinable @inline(__always)
  public mutating func addInline(_ bytes: Span<UInt8>) {
    precondition(!isOdd, "bytes in line can only follow an even number of bytes")
    sum = Self.sumInline(sum, bytes)
    isOdd = bytes.count & 1 == 1
  }

  /// Whether three words as they lie in memory add up: an IPv4 header without options, say, with its checksum.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public static func isValid(littleEndian first: UInt64, _ second: UInt64, _ third: UInt64) -> Bool {
    var open = OpenSum(first)
    open.add(second)
    open.add(third)
    return isOnes(open.closed)
  }

  /// The folded sum of two words as they lie in memory, to begin that of a header with. See ``littleEndianChecksum(_:_:)``.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public static func littleEndianSum(_ first: UInt64, _ second: UInt64) -> UInt16 { fold(sum(first, second)) }

  /// The checksum of a header as it lies in memory, of the sum of all words but one, and that one.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public static func littleEndianChecksum(_ sum: UInt16, _ last: UInt16) -> UInt16 {
    let total = UInt32(sum) &+ UInt32(last)
    return ~UInt16(truncatingIfNeeded: total &+ total >> 16)
  }

  /// The checksum of `bytes` alone.
  ///
  /// - Complexity: O(`bytes.count`).
  @inlinable
  public static func of(_ bytes: Span<UInt8>) -> UInt16 {
    ~fold(littleEndianSum(bytes)).byteSwapped
  }

  /// Whether `bytes`, which hold their own checksum, add up.
  ///
  /// - Complexity: O(`bytes.count`).
  @inlinable
  public static func isValid(_ bytes: Span<UInt8>) -> Bool {
    fold(littleEndianSum(bytes)) == 0xFFFF
  }

  /// Adds a 64-bit word.
  @inlinable @inline(__always)
  mutating func accumulate(_ term: UInt64) { sum = Self.sum(sum, term) }
}

extension InternetChecksum: Equatable {
  /// Whether both come to the same value at the same place in a word, however the bytes were cut up.
  @inlinable
  public static func == (left: Self, right: Self) -> Bool {
    left.value == right.value && left.isOdd == right.isOdd
  }
}
