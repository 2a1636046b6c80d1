/// The first 20 bytes of an IPv4 header as they lie in memory, in four words: each byte is read once, and what was read is
/// what is used, whoever changes the packet meanwhile.
///
/// ```
/// start 2            | middle 8                                                  | checksum 2 | addresses 8         |
/// version, IHL, DSCP | total length, identification, fragmentation, TTL, protocol | checksum   | source, destination |
/// ```
/// Source: RFC 791 § 3.1. Sendable.
@frozen
public struct IPv4Words: Sendable, Hashable, BitwiseCopyable {
  public var start: UInt16
  public var middle: UInt64
  public var checksum: UInt16
  /// Source in the low half, destination in the high one.
  public var addresses: UInt64

  @inlinable @inline(__always)
  init(start: UInt16, middle: UInt64, checksum: UInt16, addresses: UInt64) {
    self.start = start
    self.middle = middle
    self.checksum = checksum
    self.addresses = addresses
  }

  /// Reads the words at `offset`.
  ///
  /// - Precondition: 20 bytes are there.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  init(_ bytes: Span<UInt8>, at offset: Int = 0) {
    self.init(
      start: bytes.littleEndian16(at: offset), middle: bytes.littleEndian64(at: offset &+ 2),
      checksum: bytes.littleEndian16(at: offset &+ 10), addresses: bytes.littleEndian64(at: offset &+ 12))
  }

  /// The words of a header without options, with its checksum.
  ///
  /// - Precondition: the total length fits 16 bits and `fragmentOffset` 13.
  @inlinable @inline(__always)
  public init(_ header: IPv4Header) {
    precondition(
      header.payloadByteCount >= 0 && header.payloadByteCount <= 65515, "an IPv4 packet has at most 65535 bytes")
    precondition(header.fragmentOffset <= 0x1FFF, "a fragment offset has 13 bits")
    let length = UInt16(truncatingIfNeeded: IPv4Header.byteCount &+ header.payloadByteCount)
    let flags: UInt16 = (header.dontFragment ? 0x4000 : 0) | (header.moreFragments ? 0x2000 : 0)
    let first = UInt64(length) << 48 | UInt64(header.identification) << 32
    let second = UInt64(flags | header.fragmentOffset) << 16 | UInt64(header.ttl) << 8
    self.init(
      start: UInt16(header.dscpAndECN) << 8 | 0x45,
      middle: (first | second | UInt64(header.protocol.rawValue)).byteSwapped, checksum: 0,
      addresses: IPv4Words.addresses(header.source, header.destination))
    checksum = ~InternetChecksum.fold(sum)
  }

  /// Both addresses as they lie in memory, in a header or in a pseudo header.
  @inlinable @inline(__always)
  public static func addresses(_ source: IPv4Address, _ destination: IPv4Address) -> UInt64 {
    UInt64(source.rawValue.byteSwapped) | UInt64(destination.rawValue.byteSwapped) << 32
  }

  /// Header and payload, in bytes, as the header says.
  @inlinable @inline(__always)
  public var totalByteCount: Int { Int(UInt16(truncatingIfNeeded: middle).byteSwapped) }

  /// Who sent the packet.
  @inlinable
  public var source: IPv4Address { IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses).byteSwapped) }

  /// Whom the packet is for.
  @inlinable
  public var destination: IPv4Address { IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses >> 32).byteSwapped) }

  /// Names the packet.
  @inlinable
  public var identification: UInt16 { UInt16(truncatingIfNeeded: middle >> 16).byteSwapped }

  /// The second half of `middle`: fragmentation, hops, protocol.
  @inlinable @inline(__always)
  var rest: UInt32 { UInt32(truncatingIfNeeded: middle >> 32) }

  /// Hops and protocol, as they lie in memory.
  @inlinable @inline(__always)
  public var hopsAndProtocol: UInt16 { UInt16(truncatingIfNeeded: middle >> 48) }

  /// Whether this is a whole packet of UDP with hops left: no fragment, but for the reserved flag and "don't fragment",
  /// which may be anything.
  ///
  /// - Complexity: O(1), two comparisons.
  @inlinable @inline(__always)
  public var isWholeDatagram: Bool { rest & 0xFF00_FF3F == 17 << 24 && rest & 0xFF_0000 != 0 }

  /// The one's complement sum of all words.
  @inlinable @inline(__always)
  var sum: UInt64 {
    var open = OpenSum(UInt64(start) &+ UInt64(checksum))
    open.add(middle)
    open.add(addresses)
    return open.closed
  }

  /// Whether the header, which has no options, adds up.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public var isChecksumValid: Bool { InternetChecksum.isOnes(sum) }

  /// The header's fields. They are what was read: nothing is checked here.
  @inlinable @inline(__always)
  var header: IPv4Header {
    let flagsAndOffset = UInt16(truncatingIfNeeded: rest).byteSwapped
    return IPv4Header(
      headerByteCount: headerByteCount, totalByteCount: totalByteCount,
      dscpAndECN: UInt8(truncatingIfNeeded: start >> 8),
      identification: identification, dontFragment: flagsAndOffset & 0x4000 != 0,
      moreFragments: flagsAndOffset & 0x2000 != 0, fragmentOffset: flagsAndOffset & 0x1FFF,
      ttl: UInt8(truncatingIfNeeded: rest >> 16), protocol: IPProtocol(rawValue: UInt8(truncatingIfNeeded: rest >> 24)),
      source: source, destination: destination)
  }

  /// The version, 4 in a packet of IPv4.
  @inlinable @inline(__always)
  var version: UInt16 { start >> 4 & 0xF }

  /// The header's length in bytes, 0 to 60, as the header says.
  @inlinable @inline(__always)
  var headerByteCount: Int { Int(start & 0xF) &* 4 }

  /// Writes the words at `offset`.
  ///
  /// - Precondition: 20 bytes are there.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  func store(into bytes: inout MutableSpan<UInt8>, at offset: Int = 0) {
    bytes.storeLittleEndian(start, at: offset)
    bytes.storeLittleEndian(middle, at: offset &+ 2)
    bytes.storeLittleEndian(checksum, at: offset &+ 10)
    bytes.storeLittleEndian(addresses, at: offset &+ 12)
  }
}
