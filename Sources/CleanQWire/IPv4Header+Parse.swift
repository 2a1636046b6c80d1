extension IPv4Header {
  /// Reads the header at the start of `bytes`, which is an Ethernet frame's payload: bytes after the total length are
  /// padding.
  ///
  /// The time to live is not looked at: what 0 means depends on whether the packet is to be forwarded. The reserved
  /// flag is ignored.
  ///
  /// Source: RFC 791 § 3.1; RFC 1122 §§ 3.2.1.1–3.2.1.2, which ask for a silent discard of a bad version or checksum.
  ///
  /// - Returns: the header, with `20 <= headerByteCount <= totalByteCount <= bytes.count`, or the first of: `truncated`
  ///   (fewer than 20 bytes), `badVersion`, `badHeaderLength`, `badTotalLength`, `truncated` (fewer bytes than the total
  ///   length), `badHeaderChecksum`.
  /// - Complexity: O(header length).
  @inlinable @inline(__always)
  public static func parse(_ bytes: Span<UInt8>) -> Result<IPv4Header, WireError> {
    guard bytes.count >= byteCount else { return .failure(.truncated) }
    let words = IPv4Words(bytes)
    guard words.version == 4 else { return .failure(.badVersion) }
    let headerByteCount = words.headerByteCount
    guard headerByteCount >= byteCount else { return .failure(.badHeaderLength) }
    guard words.totalByteCount >= headerByteCount else { return .failure(.badTotalLength) }
    guard words.totalByteCount <= bytes.count else { return .failure(.truncated) }
    var checksum = InternetChecksum()
    checksum.add(littleEndian: words.sum)
    // Options are stepped over, and nobody reads them again.
    if headerByteCount > byteCount { checksum.add(bytes.extracting(byteCount..<headerByteCount)) }
    guard checksum.isValid else { return .failure(.badHeaderChecksum) }
    return .success(words.header)
  }
}
