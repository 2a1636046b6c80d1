/// The headers of an Ethernet frame that carries IPv4 without options, 34 bytes as they lie in memory, in words: each byte is
/// read once, and what was read is what is used, whoever changes the frame meanwhile.
///
/// ```
/// 0        6          12     14             18                    26
/// ┌────────┬──────────┬──────┬──────────────┬─────────────────────┬─────────────────────┐
/// │ to     │ from     │ type │ 45, length   │ id, fragment, ttl,  │ source, destination │
/// │        │          │      │              │ protocol, checksum  │                     │
/// └────────┴──────────┴──────┴──────────────┴─────────────────────┴─────────────────────┘
/// ```
/// Sendable.
@frozen
public struct IPv4Frame: Sendable, Hashable, BitwiseCopyable {
  /// Ethernet and IPv4 header together.
  @inlinable
  public static var byteCount: Int { EthernetHeader.byteCount &+ IPv4Header.byteCount }

  /// Ethernet's, with the first two bytes of IP's.
  @usableFromInline var link: EthernetWords
  @usableFromInline var middle: UInt64
  @usableFromInline var checksum: UInt16
  /// IP's addresses, as they lie in memory.
  public var addresses: UInt64

  /// Reads the words at the start of `bytes`.
  ///
  /// - Precondition: 34 bytes are there.
  /// - Complexity: O(1), five loads.
  @inlinable @inline(__always)
  public init(_ bytes: Span<UInt8>) {
    link = EthernetWords(first: bytes.littleEndian64(at: 0), second: bytes.littleEndian64(at: 8))
    middle = bytes.littleEndian64(at: 16)
    checksum = bytes.littleEndian16(at: 24)
    addresses = bytes.littleEndian64(at: 26)
  }

  /// A frame's headers, with the checksum of IP's.
  @inlinable
  public init(_ ethernet: EthernetHeader, _ header: IPv4Header) {
    let words = IPv4Words(header)
    link = EthernetWords(ethernet)
    link.second |= UInt64(words.start) << 48
    (middle, checksum, addresses) = (words.middle, words.checksum, words.addresses)
  }

  /// Ethernet's header.
  @inlinable @inline(__always)
  public var ethernet: EthernetHeader { link.header }

  /// IP's header.
  @inlinable @inline(__always)
  public var ip: IPv4Words {
    IPv4Words(
      start: UInt16(truncatingIfNeeded: link.second >> 48), middle: middle, checksum: checksum, addresses: addresses)
  }

  /// Whether the frame says that it carries IPv4 without options.
  @inlinable
  public var isIPv4WithoutOptions: Bool { (link.second << 8) >> 40 == 0x45_0008 }

  /// What all frames between two stations and two hosts have in common: Ethernet's header, IP's version, both addresses.
  @frozen
  public struct Path: Sendable, Equatable, BitwiseCopyable {
    @usableFromInline let first: UInt64
    /// In the high seven bytes: of what follows Ethernet's header only the version.
    @usableFromInline let second: UInt64
    /// IP's addresses, as they lie in memory.
    public let addresses: UInt64

    @inlinable @inline(__always)
    init(_ frame: IPv4Frame) {
      (first, second, addresses) = (frame.link.first, frame.link.second << 8, frame.addresses)
    }

    private init() { (first, second, addresses) = (0, .max, 0) }

    /// No frame's.
    public static let none = Path()
  }

  /// What all frames between these two have in common.
  @inlinable @inline(__always)
  public var path: Path { Path(self) }

  /// Writes the words at the start of `bytes`.
  ///
  /// - Precondition: 34 bytes are there.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  func store(into bytes: inout MutableSpan<UInt8>, at offset: Int = 0) {
    bytes.storeLittleEndian(link.first, at: offset)
    bytes.storeLittleEndian(link.second, at: offset &+ 8)
    bytes.storeLittleEndian(middle, at: offset &+ 16)
    bytes.storeLittleEndian(checksum, at: offset &+ 24)
    bytes.storeLittleEndian(addresses, at: offset &+ 26)
  }
}
