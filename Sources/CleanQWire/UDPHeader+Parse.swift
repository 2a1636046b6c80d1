extension UDPHeader {
  /// Reads the datagram that is at the start of `bytes`, which is the payload of an IP packet, and verifies its
  /// checksum.
  ///
  /// A checksum field of 0 says that the sender made none, and is accepted (RFC 768, "Checksum"; RFC 1122 § 4.1.3.4).
  /// Bytes after the length that the header gives are ignored.
  ///
  /// - Parameters:
  ///   - bytes: the IP packet's payload, no more and no less.
  ///   - source: the source address in the IP header.
  ///   - destination: the destination address in the IP header.
  /// - Returns: the header, with `8 <= totalByteCount <= bytes.count`, or `truncated`, `badUDPLength` or
  ///   `badUDPChecksum`.
  /// - Complexity: O(length of the datagram) with a checksum, O(1) without.
  @inlinable @inline(__always)
  public static func parse(
    _ bytes: Span<UInt8>, source: IPv4Address, destination: IPv4Address
  ) -> Result<UDPHeader, WireError> {
    guard bytes.count >= 8 else { return .failure(.truncated) }
    let totalByteCount = Int(bytes.bigEndian16(at: 4))
    guard totalByteCount >= 8, totalByteCount <= bytes.count else { return .failure(.badUDPLength) }
    if bytes.bigEndian16(at: 6) != 0 {
      var checksum = pseudoHeaderChecksum(source, destination, totalByteCount: totalByteCount)
      checksum.add(bytes.extracting(0..<totalByteCount))
      guard checksum.isValid else { return .failure(.badUDPChecksum) }
    }
    return .success(
      UDPHeader(
        sourcePort: bytes.bigEndian16(at: 0), destinationPort: bytes.bigEndian16(at: 2),
        payloadByteCount: totalByteCount &- 8))
  }

  /// The sum over the pseudo header: addresses, protocol 17 and the UDP length. Source: RFC 768, "Checksum".
  @inlinable @inline(__always)
  static func pseudoHeaderChecksum(
    _ source: IPv4Address, _ destination: IPv4Address, totalByteCount: Int
  ) -> InternetChecksum {
    var checksum = InternetChecksum()
    checksum.add(source)
    checksum.add(destination)
    checksum.add(UInt16(IPProtocol.udp.rawValue))
    checksum.add(UInt16(truncatingIfNeeded: totalByteCount))
    return checksum
  }
}
