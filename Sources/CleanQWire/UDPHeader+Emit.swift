extension UDPHeader {
  /// Writes the header over the first 8 bytes of `bytes`, with a checksum over the payload that already follows there.
  ///
  /// A checksum that comes to 0 is sent as 0xFFFF, for 0 means none. Source: RFC 768, "Checksum".
  ///
  /// - Parameters:
  ///   - bytes: the datagram: 8 bytes to be overwritten, then the payload. Bytes after `totalByteCount` are left alone.
  ///   - source: the source address that the IP header will have.
  ///   - destination: the destination address that it will have.
  /// - Precondition: `8 <= totalByteCount <= bytes.count`, and it fits 16 bits.
  /// - Complexity: O(`totalByteCount`).
  @inlinable @inline(__always)
  public func emit(into bytes: inout MutableSpan<UInt8>, source: IPv4Address, destination: IPv4Address) {
    let words = words(in: bytes.span)
    words.sealed(
      bytes.span.extracting(Self.byteCount..<totalByteCount), addresses: IPv4Words.addresses(source, destination)
    ).store(into: &bytes)
  }

  /// Writes the header over the first 8 bytes of `bytes`, with a checksum field of 0: none, or left to the device.
  ///
  /// - Precondition: `8 <= totalByteCount <= bytes.count`, and it fits 16 bits.
  /// - Complexity: O(1).
  @inlinable
  public func emitWithoutChecksum(into bytes: inout MutableSpan<UInt8>) {
    words(in: bytes.span).store(into: &bytes)
  }

  /// The header without a checksum, for the datagram in `bytes`.
  @inlinable @inline(__always)
  func words(in bytes: Span<UInt8>) -> UDPWords {
    precondition(totalByteCount >= 8 && totalByteCount <= 65535, "a UDP datagram has 8 to 65535 bytes")
    precondition(bytes.count >= totalByteCount, "a UDP datagram needs room for its header and payload")
    return UDPWords(ports: UDPWords.ports(sourcePort, destinationPort), totalByteCount: totalByteCount)
  }
}
