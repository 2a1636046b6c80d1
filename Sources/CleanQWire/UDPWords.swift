/// A UDP header as it lies in memory, in one word: it is read once, and what was read is what is used, whoever changes the
/// datagram meanwhile.
///
/// ```
/// | source port 2 | destination port 2 | length 2 | checksum 2 |
/// ```
/// Source: RFC 768, "Format". Sendable.
@frozen
public struct UDPWords: Sendable, Hashable, BitwiseCopyable {
  @usableFromInline var word: UInt64

  @inlinable @inline(__always)
  init(word: UInt64) { self.word = word }

  /// Reads the header at `offset`.
  ///
  /// - Precondition: 8 bytes are there.
  @inlinable @inline(__always)
  public init(_ bytes: Span<UInt8>, at offset: Int = 0) { word = bytes.littleEndian64(at: offset) }

  /// A header without a checksum.
  ///
  /// - Parameters:
  ///   - ports: both, as they lie in memory.
  ///   - totalByteCount: of header and payload, 8…65535.
  @inlinable @inline(__always)
  public init(ports: UInt32, totalByteCount: Int) {
    word = UInt64(ports) | UInt64(UInt16(truncatingIfNeeded: totalByteCount).byteSwapped) << 32
  }

  /// Both ports as they lie in memory: the source in the low half.
  @inlinable @inline(__always)
  public static func ports(_ source: UInt16, _ destination: UInt16) -> UInt32 {
    UInt32(source.byteSwapped) | UInt32(destination.byteSwapped) << 16
  }

  /// Both ports as they lie in memory.
  @inlinable @inline(__always)
  public var ports: UInt32 { UInt32(truncatingIfNeeded: word) }

  /// The port that an answer would go to.
  @inlinable
  public var sourcePort: UInt16 { UInt16(truncatingIfNeeded: word).byteSwapped }

  /// The port that the datagram is for.
  @inlinable
  public var destinationPort: UInt16 { UInt16(truncatingIfNeeded: word >> 16).byteSwapped }

  /// Header and payload, in bytes, as the header says.
  @inlinable @inline(__always)
  public var totalByteCount: Int { Int(UInt16(truncatingIfNeeded: word >> 32).byteSwapped) }

  /// Whether the sender made a checksum. RFC 768, "Checksum": 0 says that there is none.
  @inlinable @inline(__always)
  public var hasChecksum: Bool { word >> 48 != 0 }

  /// The length as it lies in memory.
  @inlinable @inline(__always)
  var length: UInt64 { word >> 32 & 0xFFFF }

  /// Protocol 17 in a pseudo header, as it lies in memory. RFC 768, "Checksum".
  @inlinable @inline(__always)
  static var pseudoProtocol: UInt64 { 0x1100 }

  /// Whether pseudo header, header and payload add up.
  ///
  /// - Parameters:
  ///   - payload: as many bytes as the header says.
  ///   - addresses: those of IP, as they lie in memory (``IPv4Words/addresses``).
  /// - Complexity: O(length of the payload).
  @inlinable @inline(__always)
  public func isChecksumValid(_ payload: Span<UInt8>, addresses: UInt64) -> Bool {
    var checksum = InternetChecksum()
    checksum.add(littleEndian: addresses)
    checksum.add(littleEndian: Self.pseudoProtocol &+ length)
    checksum.add(littleEndian: word)
    checksum.addInline(payload)
    return checksum.isValid
  }

  /// The same header with the checksum of pseudo header, header and payload. One that comes to 0 is all ones, for 0 means none.
  ///
  /// - Precondition: the header has no checksum yet.
  /// - Complexity: O(length of the payload).
  @inlinable @inline(__always)
  public func sealed(_ payload: Span<UInt8>, addresses: UInt64) -> UDPWords {
    var checksum = InternetChecksum()
    checksum.add(littleEndian: addresses)
    // All are below 2^48: no carry. The 1 is what `littleEndianValueBeyondOne` asks for.
    checksum.add(littleEndian: word &+ Self.pseudoProtocol &+ length &+ 1)
    checksum.addInline(payload)
    return UDPWords(word: word | UInt64(checksum.littleEndianValueBeyondOne) << 48)
  }

  /// The same header with the sum of the pseudo header alone, not complemented, in place of a checksum: it is left to whoever
  /// sends.
  @inlinable
  func unsealed(addresses: UInt64) -> UDPWords {
    let open = word & 0xFFFF_FFFF_FFFF
    let sum = InternetChecksum.littleEndianSum(addresses, Self.pseudoProtocol &+ length)
    return UDPWords(word: open | UInt64(sum) << 48)
  }

  /// Writes the header.
  ///
  /// SAFETY: the caller owns the 8 bytes at `place`.
  @unsafe
  @inlinable @inline(__always)
  public func store(at place: UnsafeMutableRawPointer) {
    // SAFETY: said above.
    unsafe place.storeBytes(of: word.littleEndian, as: UInt64.self)
  }

  /// Writes the header at `offset`.
  ///
  /// - Precondition: 8 bytes are there.
  @inlinable @inline(__always)
  public func store(into bytes: inout MutableSpan<UInt8>, at offset: Int = 0) {
    bytes.storeLittleEndian(word, at: offset)
  }
}
