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
    guard bytes.count >= 20 else { return .failure(.truncated) }
    guard bytes[0] >> 4 == 4 else { return .failure(.badVersion) }
    let headerByteCount = Int(bytes[0] & 0xF) &* 4
    guard headerByteCount >= 20 else { return .failure(.badHeaderLength) }
    let totalByteCount = Int(bytes.bigEndian16(at: 2))
    guard totalByteCount >= headerByteCount else { return .failure(.badTotalLength) }
    guard totalByteCount <= bytes.count else { return .failure(.truncated) }
    guard isChecksumValid(bytes, headerByteCount: headerByteCount) else { return .failure(.badHeaderChecksum) }

    let flagsAndOffset = bytes.bigEndian16(at: 6)
    return .success(
      IPv4Header(
        headerByteCount: headerByteCount, totalByteCount: totalByteCount, dscpAndECN: bytes[1],
        identification: bytes.bigEndian16(at: 4),
        dontFragment: flagsAndOffset & 0x4000 != 0, moreFragments: flagsAndOffset & 0x2000 != 0,
        fragmentOffset: flagsAndOffset & 0x1FFF,
        ttl: bytes[8], protocol: IPProtocol(rawValue: bytes[9]),
        source: IPv4Address(bytes, at: 12), destination: IPv4Address(bytes, at: 16)))
  }

  /// Whether the first `headerByteCount` bytes add up.
  ///
  /// On its own because it takes the header in large words and `parse` in small fields: in one function LLVM shares
  /// the loads between the two, byte by byte, and both become slow.
  ///
  /// - Precondition: `headerByteCount` is in 20…`bytes.count`.
  @inlinable @inline(never)
  static func isChecksumValid(_ bytes: Span<UInt8>, headerByteCount: Int) -> Bool {
    guard headerByteCount == 20, bytes.count >= 20 else {
      return InternetChecksum.isValid(bytes.extracting(0..<headerByteCount))
    }
    let sum = InternetChecksum.sum(bytes.littleEndian64(at: 0), bytes.littleEndian64(at: 8))
    return InternetChecksum.fold(InternetChecksum.sum(sum, UInt64(bytes.littleEndian32(at: 16)))) == 0xFFFF
  }
}
