/// An Ethernet header as it lies in memory, in two words: each byte is read once, and what was read is what is used, whoever
/// changes the frame meanwhile.
///
/// ```
/// first  | destination 6             | source 2 |
/// second | source 4 | type 2 | what follows 2   |
/// ```
/// Source: IEEE 802.3-2018 § 3.1.1. Sendable.
@frozen
public struct EthernetWords: Sendable, Hashable, BitwiseCopyable {
  /// Destination, and the first two bytes of the source.
  public var first: UInt64
  /// The rest of the source, and the type; the high 16 bits are what follows in the frame, or 0.
  public var second: UInt64

  @inlinable @inline(__always)
  init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// The words of a header, nothing behind it.
  @inlinable
  public init(_ header: EthernetHeader) {
    let (destination, source) = (header.destination.littleEndian, header.source.littleEndian)
    self.init(
      first: destination | source << 48, second: source >> 16 | UInt64(header.etherType.rawValue.byteSwapped) << 32)
  }

  /// The header's fields.
  @inlinable @inline(__always)
  public var header: EthernetHeader {
    EthernetHeader(
      destination: MACAddress(littleEndian: first), source: MACAddress(littleEndian: first >> 48 | second << 16),
      etherType: EtherType(rawValue: UInt16(truncatingIfNeeded: second >> 32).byteSwapped))
  }

  /// The same without what follows the header.
  @inlinable
  var trimmed: EthernetWords { EthernetWords(first: first, second: second & 0xFFFF_FFFF_FFFF) }
}

extension MACAddress {
  /// The address whose six bytes lie in memory as the low ones of a word.
  @inlinable @inline(__always)
  init(littleEndian word: UInt64) { self.init(rawValue: (word << 16).byteSwapped) }

  /// The six bytes as they lie in memory.
  @inlinable @inline(__always)
  public var littleEndian: UInt64 { rawValue.byteSwapped >> 16 }
}
