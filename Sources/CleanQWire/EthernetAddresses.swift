/// The two addresses at the start of an Ethernet frame, 12 bytes as they lie in memory, each read once. Sendable.
///
/// Source: IEEE 802.3-2018 § 3.1.1.
@frozen
public struct EthernetAddresses: Sendable, BitwiseCopyable {
  /// The number of bytes on the wire.
  @inlinable public static var byteCount: Int { 12 }

  /// The first four bytes of the destination and the last two.
  @usableFromInline let destination: (UInt32, UInt16)
  /// The same of the source.
  @usableFromInline let source: (UInt32, UInt16)

  @inlinable @inline(__always)
  init(destination: (UInt32, UInt16), source: (UInt32, UInt16)) {
    self.destination = destination
    self.source = source
  }

  /// Reads the addresses at the start of `bytes`.
  ///
  /// - Precondition: 12 bytes are there.
  @inlinable @inline(__always)
  public init(_ bytes: Span<UInt8>) {
    self.init(
      destination: (bytes.littleEndian32(at: 0), bytes.littleEndian16(at: 4)),
      source: (bytes.littleEndian32(at: 6), bytes.littleEndian16(at: 10)))
  }

  /// Whether the frame goes to a group of stations: to all, or by multicast.
  @inlinable @inline(__always)
  public var isToGroup: Bool { destination.0 & 1 != 0 }

  /// Those of an answer.
  @inlinable @inline(__always)
  public var swapped: EthernetAddresses { EthernetAddresses(destination: source, source: destination) }

  /// Writes the addresses over the first 12 bytes of `bytes`.
  ///
  /// - Precondition: 12 bytes are there.
  @inlinable @inline(__always)
  public func store(into bytes: inout MutableSpan<UInt8>) {
    bytes.storeLittleEndian(destination.0, at: 0)
    bytes.storeLittleEndian(destination.1, at: 4)
    bytes.storeLittleEndian(source.0, at: 6)
    bytes.storeLittleEndian(source.1, at: 10)
  }
}
