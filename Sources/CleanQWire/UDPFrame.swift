/// The headers of an Ethernet frame that carries a UDP datagram in IPv4 without options: 42 bytes as they lie in memory, each
/// read once. Frames of one flow that go out one behind the other can be sent as a batch with these headers. Sendable.
@frozen
public struct UDPFrame: Sendable, Hashable, BitwiseCopyable {
  /// Ethernet, IPv4 and UDP header together.
  @inlinable
  public static var byteCount: Int { IPv4Frame.byteCount &+ UDPHeader.byteCount }
  /// Where the datagram begins.
  @inlinable
  public static var datagramOffset: Int { IPv4Frame.byteCount }
  /// Where in a datagram its checksum is.
  @inlinable
  public static var checksumOffset: Int { 6 }

  private var ip: IPv4Frame
  private var udp: UDPWords

  /// Reads the headers at the start of `bytes`.
  ///
  /// - Returns: nil unless something follows them.
  /// - Complexity: O(1).
  public init?(_ bytes: Span<UInt8>) {
    guard bytes.count > Self.byteCount else { return nil }
    ip = IPv4Frame(bytes)
    udp = UDPWords(bytes, at: IPv4Frame.byteCount)
  }

  /// Whether these are the headers of a whole UDP datagram that must not be fragmented, with both checksums right, and the bytes
  /// behind them in `bytes` its payload, no more and no less.
  ///
  /// - Complexity: O(`bytes.count`).
  public func isWhole(_ bytes: Span<UInt8>) -> Bool {
    let words = ip.ip
    return ip.isIPv4WithoutOptions && words.rest & 0xFF00_FFFF == 17 << 24 | 0x0040
      && words.totalByteCount == bytes.count &- EthernetHeader.byteCount
      && udp.totalByteCount == bytes.count &- IPv4Frame.byteCount && udp.hasChecksum && words.isChecksumValid
      && udp.isChecksumValid(bytes.extracting(droppingFirst: Self.byteCount), addresses: ip.addresses)
  }

  /// Names the packet.
  public var identification: UInt16 { ip.ip.identification }

  /// Whether two datagrams have the same headers but for lengths, identification and checksums.
  public func isSameFlow(as other: UDPFrame) -> Bool {
    ip.link == other.ip.link && ip.ip.rest == other.ip.ip.rest && ip.addresses == other.ip.addresses
      && udp.ports == other.udp.ports
  }

  /// Writes the headers of a batch, which begins with this datagram: IP's with its checksum; that of UDP is left to whoever takes
  /// the batch apart.
  ///
  /// - Parameter payloadByteCount: of all datagrams.
  /// - Precondition: `bytes` has ``byteCount`` of them from `offset` on; the lengths fit 16 bits.
  /// - Complexity: O(1).
  public func storeBatch(payloadByteCount: Int, into bytes: inout MutableSpan<UInt8>, at offset: Int) {
    var header = ip.ip.header
    header.totalByteCount = IPv4Frame.byteCount &- EthernetHeader.byteCount &+ UDPHeader.byteCount &+ payloadByteCount
    IPv4Frame(ip.ethernet, header).store(into: &bytes, at: offset)
    UDPWords(ports: udp.ports, totalByteCount: UDPHeader.byteCount &+ payloadByteCount)
      .unsealed(addresses: ip.addresses).store(into: &bytes, at: offset &+ IPv4Frame.byteCount)
  }
}
