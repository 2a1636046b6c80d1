extension IPv4Header {
  /// Writes the header, without options and with its checksum, over the first 20 bytes of `bytes`.
  ///
  /// The total length written is 20 + `payloadByteCount`: options that `parse` stepped over are gone.
  ///
  /// - Precondition: `bytes.count >= 20`, the total length fits 16 bits and `fragmentOffset` 13.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func emit(into bytes: inout MutableSpan<UInt8>) {
    precondition(bytes.count >= 20, "an IPv4 header needs 20 bytes")
    precondition(payloadByteCount >= 0 && payloadByteCount <= 65515, "an IPv4 packet has at most 65535 bytes")
    precondition(fragmentOffset <= 0x1FFF, "a fragment offset has 13 bits")
    let totalLength = UInt32(truncatingIfNeeded: 20 &+ payloadByteCount)
    let flags: UInt32 = (dontFragment ? 0x4000 : 0) | (moreFragments ? 0x2000 : 0)

    let first = 0x4500_0000 | UInt32(dscpAndECN) << 16 | totalLength
    let second = UInt32(identification) << 16 | flags | UInt32(fragmentOffset)
    let third = UInt32(ttl) << 24 | UInt32(`protocol`.rawValue) << 16
    // Summed before they are stored: loading them back as other words would wait for the stores.
    let sum =
      UInt64(first) &+ UInt64(second) &+ UInt64(third)
      &+ UInt64(source.rawValue) &+ UInt64(destination.rawValue)

    bytes.storeBigEndian(first, at: 0)
    bytes.storeBigEndian(second, at: 4)
    bytes.storeBigEndian(third | UInt32(~InternetChecksum.fold(sum)), at: 8)
    bytes.storeBigEndian(source.rawValue, at: 12)
    bytes.storeBigEndian(destination.rawValue, at: 16)
  }
}
