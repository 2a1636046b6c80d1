internal import CleanQ
internal import CleanQWire

/// Frames one behind the other that the kernel takes as one and takes apart again: UDP datagrams of one flow.
///
/// What the kernel makes of such a frame is what was put into it. It computes checksums anew, so only frames are taken whose
/// two are right: a wrong one has to arrive wrong. It counts identifications up, so they must go up by one in each; or be zero
/// in all of packets that must not be fragmented, where they have no meaning (RFC 6864 § 4.1) and do change.
///
/// The headers are read once from each frame, and those that go to the kernel are what was checked.
///
/// Source: Linux net/ipv4/udp_offload.c, `__udp_gso_segment`.
struct DatagramTrain {
  /// Half of what the kernel takes. Source: `UDP_MAX_SEGMENTS`, 128; 64 in older ones.
  static let mostDatagrams = 64
  /// Less than the length of an IPv4 packet can say.
  static let mostPayloadByteCount = 64_000

  private(set) var count = 1
  /// Of each datagram, of which the last may be shorter.
  let payloadByteCount: Int
  private(set) var allPayloadByteCount: Int
  private var hasShortOne = false
  /// The headers of the first.
  private let first: UDPFrame

  /// A train of one.
  ///
  /// - Returns: nil where the frame is not a datagram that the kernel would make again as it is.
  init?(_ frame: borrowing Buffer) {
    guard let first = UDPFrame(frame.bytes), first.isWhole(frame.bytes) else { return nil }
    self.first = first
    payloadByteCount = frame.validByteCount &- UDPFrame.byteCount
    allPayloadByteCount = payloadByteCount
  }

  /// Takes the next frame, where it belongs to the same flow and there is room.
  ///
  /// - Complexity: O(its length).
  mutating func take(_ frame: borrowing Buffer) -> Bool {
    let byteCount = frame.validByteCount &- UDPFrame.byteCount
    guard !hasShortOne, byteCount <= payloadByteCount, count < Self.mostDatagrams,
      allPayloadByteCount &+ byteCount <= Self.mostPayloadByteCount, let next = UDPFrame(frame.bytes),
      next.isSameFlow(as: first), follows(next.identification), next.isWhole(frame.bytes)
    else { return false }
    count &+= 1
    allPayloadByteCount &+= byteCount
    hasShortOne = byteCount < payloadByteCount
    return true
  }

  /// Whether this identification is that of the next datagram.
  private func follows(_ next: UInt16) -> Bool {
    let identification = first.identification
    return next == identification &+ UInt16(truncatingIfNeeded: count) || (next == 0 && identification == 0)
  }

  /// Writes the header of the driver and those of the whole train.
  ///
  /// - Parameter bytes: ``DriverHeader/byteCount`` and `UDPFrame.byteCount` bytes.
  func writeHeaders(into bytes: inout MutableSpan<UInt8>) {
    DriverHeader.write(segmentByteCount: payloadByteCount, into: &bytes)
    first.storeBatch(payloadByteCount: allPayloadByteCount, into: &bytes, at: DriverHeader.byteCount)
  }
}

/// What stands before a frame where the driver's files have a header, the `virtio_net_hdr` of linux/virtio_net.h.
///
/// All zeros ask for nothing. Its words have the machine's order, which is little-endian wherever this runs.
enum DriverHeader {
  static let byteCount = 10

  /// Asks that a UDP datagram be cut into such of `segmentByteCount`, each with its checksum.
  static func write(segmentByteCount: Int, into bytes: inout MutableSpan<UInt8>) {
    bytes[0] = 1  // VIRTIO_NET_HDR_F_NEEDS_CSUM
    bytes[1] = 5  // VIRTIO_NET_HDR_GSO_UDP_L4
    bytes.storeLittleEndian(UInt16(UDPFrame.byteCount), at: 2)
    bytes.storeLittleEndian(UInt16(truncatingIfNeeded: segmentByteCount), at: 4)
    bytes.storeLittleEndian(UInt16(UDPFrame.datagramOffset), at: 6)
    bytes.storeLittleEndian(UInt16(UDPFrame.checksumOffset), at: 8)
  }
}
