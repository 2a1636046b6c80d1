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
    guard bytes.count >= byteCount else { return .failure(.truncated) }
    let words = UDPWords(bytes)
    let totalByteCount = words.totalByteCount
    guard totalByteCount >= 8, totalByteCount <= bytes.count else { return .failure(.badUDPLength) }
    if words.hasChecksum {
      let payload = bytes.extracting(byteCount..<totalByteCount)
      guard words.isChecksumValid(payload, addresses: IPv4Words.addresses(source, destination)) else {
        return .failure(.badUDPChecksum)
      }
    }
    return .success(
      UDPHeader(
        sourcePort: words.sourcePort, destinationPort: words.destinationPort,
        payloadByteCount: totalByteCount &- byteCount))
  }

  /// The port that the datagram at the start of `bytes` says it is for, nothing else of it being checked; 0, which is none, if
  /// there are fewer than 4 bytes.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public static func destinationPort(of bytes: Span<UInt8>) -> Int {
    bytes.count >= 4 ? Int(bytes.bigEndian16(at: 2)) : 0
  }
}
