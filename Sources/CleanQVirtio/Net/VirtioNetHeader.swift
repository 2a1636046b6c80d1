internal import CPlatform
internal import CleanQ
internal import CleanQWire

/// What a device says about a packet that it received, in front of it. Each field is fetched once: the device can still
/// write there.
///
/// Source: [virtio 1.2 § 5.1.6 Device Operation].
struct VirtioNetHeader {
  /// Flags, segmentation, header length, segment size, checksum start and offset, number of buffers: with VERSION_1 the last
  /// is always there.
  static let byteCount = 12
  /// `VIRTIO_NET_HDR_F_NEEDS_CSUM`
  static let needsChecksum: UInt8 = 1

  var flags: UInt8
  var bufferCount: Int

  /// Reads the first valid bytes of a buffer, which has at least ``byteCount`` of them.
  @inline(__always)
  init(_ buffer: borrowing Buffer) {
    // SAFETY: the caller has seen that twelve bytes are valid, so they are inside the buffer.
    flags = unsafe cplatform_fetch_8(buffer.address)
    bufferCount = Int(unsafe cplatform_fetch_16(buffer.address + 10))
  }

  /// Where the checksum starts, and where it goes, counted from the packet's first byte.
  @inline(__always)
  static func checksumPlace(_ buffer: borrowing Buffer) -> (start: Int, field: Int) {
    // SAFETY: as above.
    let start = Int(unsafe cplatform_fetch_16(buffer.address + 6))
    return (start, start + Int(unsafe cplatform_fetch_16(buffer.address + 8)))
  }
}

extension Burst {
  /// Completes the checksum of the packet in `count` buffers from `first` on: the one's complement sum of everything from
  /// `start` to its end, the field included, which holds the pseudo header's. § 5.1.6.2 step 1, § 5.1.6.4.1
  ///
  /// - Returns: false, with nothing changed, where the field is not inside the packet.
  /// - Complexity: O(number of bytes).
  mutating func completeChecksum(first: Int, count: Int, start: Int, field: Int) -> Bool {
    var total = 0
    for index in first..<(first + count) { total += self[index].validByteCount }
    guard start < total, field + 2 <= total else { return false }
    var checksum = InternetChecksum()
    var position = 0
    for index in first..<(first + count) {
      let byteCount = self[index].validByteCount
      let skipped = min(max(0, start - position), byteCount)
      checksum.add(self[index].bytes.extracting(skipped..<byteCount))
      position += byteCount
    }
    // RFC 768: a UDP checksum of zero is sent as all ones; to TCP both mean the same.
    let value = checksum.value == 0 ? 0xFFFF : checksum.value
    setByte(first, at: field, UInt8(value >> 8))
    setByte(first, at: field + 1, UInt8(value & 0xFF))
    return true
  }

  /// Sets one byte of a packet that begins in the buffer `first`.
  private mutating func setByte(_ first: Int, at position: Int, _ value: UInt8) {
    var index = first
    var place = position
    while place >= self[index].validByteCount {
      place -= self[index].validByteCount
      index += 1
    }
    var bytes = self[index].mutableBytes
    bytes[place] = value
  }
}
