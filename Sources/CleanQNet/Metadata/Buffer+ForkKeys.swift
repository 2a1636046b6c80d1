public import CleanQ

// What forks ask of each packet: one word of the metadata, without making a value of all.

extension Buffer {
  /// The IP protocol of the packet in this buffer; nil without metadata.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public var packetProtocol: UInt8? {
    // SAFETY: it has metadata.
    hasMetadata ? UInt8(truncatingIfNeeded: unsafe MetadataWords(self).protocolAndFlags) : nil
  }

  /// The destination port of the datagram in this buffer; nil without metadata.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public var datagramDestinationPort: UInt16? {
    // SAFETY: it has metadata.
    hasMetadata ? UInt16(truncatingIfNeeded: unsafe MetadataWords(self).ports >> 16).byteSwapped : nil
  }
}
