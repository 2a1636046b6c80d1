/// What this process knows of the packet in a buffer, beside its bytes: 64 bytes of private memory for each buffer that is
/// long enough.
///
/// The lines lie in front of their region, in memory that no device and no peer ever maps; so what a layer has checked stays
/// what the next one uses, even where a peer rewrites the packet. A line belongs to the owner of the buffer, and goes with it
/// through every queue of the process. Another process that gets the buffer has lines of its own, and derives what they say
/// from the packet.
///
/// The line of a buffer is found by its offset alone: one byte of lines for eight of the region, counted down from its start.
/// Two buffers share no byte, so the lines of those that have at least ``leastBufferByteCount`` bytes do not either.
///
/// ```
///   0        16             24      32               64
///   ┌────────┬──────────────┬───────┬────────────────┐
///   │ record │ what layers  │ ports │ addresses      │
///   └────────┴──────────────┴───────┴────────────────┘
/// ```
/// The first 16 bytes are those of ``CaptureRecord``. The rest is the layers' (`PacketMetadata` in CleanQNet), with room for the
/// addresses of IPv6.
public enum MetadataLine {
  /// The length of a line.
  @inlinable
  public static var byteCount: Int { 64 }

  /// How long a buffer is at least that has a line.
  @inlinable
  public static var leastBufferByteCount: Int { byteCount << offsetShift }

  /// What divides a buffer's offset to give that of its line.
  @inlinable
  static var offsetShift: Int { 3 }

  /// The bytes of all lines of a region, in whole pages.
  static func byteCount(ofRegion byteCount: Int) -> Int {
    (byteCount >> offsetShift + Self.byteCount + 4095) / 4096 * 4096
  }
}

extension Buffer {
  /// Whether the buffer is long enough for metadata.
  ///
  /// - Complexity: O(1), one comparison.
  @inlinable
  @inline(__always)
  public var hasMetadata: Bool { byteCount >= MetadataLine.leastBufferByteCount }

  /// The buffer's line of metadata.
  ///
  /// SAFETY: ``hasMetadata``, and valid while the user of the address owns the buffer; 64 bytes may be touched.
  @unsafe
  @inlinable
  @inline(__always)
  public var metadata: UnsafeMutableRawPointer {
    unsafe base.advanced(by: ~(offset >> MetadataLine.offsetShift) &- (MetadataLine.byteCount &- 1))
  }

  /// Makes the line all zeros: nothing is known of what the buffer contains.
  mutating func clearMetadata() {
    guard hasMetadata else { return }
    // SAFETY: the buffer has a line, and this is its owner.
    unsafe metadata.initializeMemory(as: UInt8.self, repeating: 0, count: MetadataLine.byteCount)
  }
}
