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
    IPv4Words(self).store(into: &bytes)
  }
}
