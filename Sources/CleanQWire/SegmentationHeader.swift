/// What stands before a frame that goes to a TAP device, or another that cuts frames up: the `virtio_net_hdr` of
/// linux/virtio_net.h. All zeros ask for nothing.
///
/// ```
/// | flags 1 | kind 1 | header length 2 | segment length 2 | checksum start 2 | checksum offset 2 |
/// ```
/// Its words have the machine's order, which is little-endian wherever this runs.
public enum SegmentationHeader {
  /// The number of bytes in front of a frame.
  public static let byteCount = 10

  /// Asks that a batch of UDP datagrams be cut into such of `segmentByteCount` bytes of payload, each with its checksum.
  ///
  /// - Precondition: `bytes` has ``byteCount`` of them.
  public static func emit(segmentByteCount: Int, into bytes: inout MutableSpan<UInt8>) {
    let needsChecksum: UInt8 = 1  // VIRTIO_NET_HDR_F_NEEDS_CSUM
    let udp: UInt8 = 5  // VIRTIO_NET_HDR_GSO_UDP_L4
    bytes[0] = needsChecksum
    bytes[1] = udp
    bytes.storeLittleEndian(UInt16(UDPFrame.byteCount), at: 2)
    bytes.storeLittleEndian(UInt16(truncatingIfNeeded: segmentByteCount), at: 4)
    bytes.storeLittleEndian(UInt16(UDPFrame.datagramOffset), at: 6)
    bytes.storeLittleEndian(UInt16(UDPFrame.checksumOffset), at: 8)
  }
}
