extension IPv4Header {
  /// Reads the header at the start of `bytes`, which is an Ethernet frame's payload: bytes after the total length are padding.
  ///
  /// The time to live is not looked at: what 0 means depends on whether the packet is to be forwarded. The reserved flag is ignored.
  ///
  /// Source: RFC 791 § 3.1; RFC 1122 §§ 3.2.1.1–3.2.1.2, which ask for a silent discard of a bad version or checksum.
  ///
  /// - Returns: the header, with `20 <= headerByteCount <= totalByteCount <= bytes.count`, or the first of: `truncated`,
  ///   `badVersion`, `badHeaderLength`, `badTotalLength`, `truncated` (fewer bytes than the total length), `badHeaderChecksum`.
  /// - Complexity: O(header length).
  @inlinable
  public static func parse(_ bytes: Span<UInt8>) -> Result<IPv4Header, WireError> {
    guard bytes.count >= 20 else { return .failure(.truncated) }
    let first = bytes.bigEndian32(at: 0)
    let second = bytes.bigEndian32(at: 4)
    let third = bytes.bigEndian32(at: 8)
    let source = bytes.bigEndian32(at: 12)
    let destination = bytes.bigEndian32(at: 16)

    guard first >> 28 == 4 else { return .failure(.badVersion) }
    let headerByteCount = Int(first >> 24 & 0xF) &* 4
    guard headerByteCount >= 20 else { return .failure(.badHeaderLength) }
    let totalByteCount = Int(first & 0xFFFF)
    guard totalByteCount >= headerByteCount else { return .failure(.badTotalLength) }
    guard totalByteCount <= bytes.count else { return .failure(.truncated) }

    if headerByteCount == 20 {
      // The usual header is summed from the words at hand.
      let sum = UInt64(first) &+ UInt64(second) &+ UInt64(third) &+ UInt64(source) &+ UInt64(destination)
      guard InternetChecksum.fold(sum) == 0xFFFF else { return .failure(.badHeaderChecksum) }
    } else {
      guard InternetChecksum.isValid(bytes.extracting(0..<headerByteCount)) else { return .failure(.badHeaderChecksum) }
    }

    var header = IPv4Header(
      source: IPv4Address(rawValue: source), destination: IPv4Address(rawValue: destination),
      protocol: IPProtocol(rawValue: UInt8(truncatingIfNeeded: third >> 16)), payloadByteCount: 0,
      ttl: UInt8(truncatingIfNeeded: third >> 24), identification: UInt16(truncatingIfNeeded: second >> 16),
      dontFragment: second & 0x4000 != 0, dscpAndECN: UInt8(truncatingIfNeeded: first >> 16))
    header.headerByteCount = headerByteCount
    header.totalByteCount = totalByteCount
    header.moreFragments = second & 0x2000 != 0
    header.fragmentOffset = UInt16(truncatingIfNeeded: second & 0x1FFF)
    return .success(header)
  }
}
