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
    emitWithoutChecksum(into: &bytes)
    var checksum = Self.pseudoHeaderChecksum(source, destination, totalByteCount: totalByteCount)
    checksum.add(sourcePort)
    checksum.add(destinationPort)
    checksum.add(UInt16(truncatingIfNeeded: totalByteCount))
    checksum.add(bytes.span.extracting(8..<totalByteCount))
    let value = checksum.value
    bytes.storeBigEndian(value == 0 ? 0xFFFF : value, at: 6)
  }

  /// Writes the header over the first 8 bytes of `bytes`, with a checksum field of 0: none, or left to the device.
  ///
  /// - Precondition: `8 <= totalByteCount <= bytes.count`, and it fits 16 bits.
  /// - Complexity: O(1).
  @inlinable
  public func emitWithoutChecksum(into bytes: inout MutableSpan<UInt8>) {
    precondition(totalByteCount >= 8 && totalByteCount <= 65535, "a UDP datagram has 8 to 65535 bytes")
    precondition(bytes.count >= totalByteCount, "a UDP datagram needs room for its header and payload")
    bytes.storeBigEndian(sourcePort, at: 0)
    bytes.storeBigEndian(destinationPort, at: 2)
    bytes.storeBigEndian(UInt32(truncatingIfNeeded: totalByteCount) << 16, at: 4)
  }
}
