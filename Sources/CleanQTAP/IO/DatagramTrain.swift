internal import CleanQ
internal import CleanQWire

/// Frames one behind the other that the kernel takes as one and takes apart again: UDP datagrams of one flow.
///
/// What the kernel makes of this frame is what was put into it. It computes checksums anew, so only frames are taken whose
/// two are right: a wrong one has to arrive wrong. It counts identifications up, so they must go up by one in each; or be zero
/// in all of packets that must not be fragmented, where they have no meaning (RFC 6864 § 4.1) and do change.
///
/// Source: Linux net/ipv4/udp_offload.c, `__udp_gso_segment`.
struct DatagramTrain {
  /// Ethernet, IPv4 without options, UDP.
  static let headerByteCount = 42
  /// Half of what the kernel takes. Source: `UDP_MAX_SEGMENTS`, 128; 64 in older ones.
  static let mostDatagrams = 64
  /// Less than the length of an IPv4 packet can say.
  static let mostPayloadByteCount = 64_000

  private(set) var count = 1
  /// Of each datagram, of which the last may be shorter.
  let payloadByteCount: Int
  private(set) var allPayloadByteCount: Int
  private var hasShortOne = false
  private let identification: UInt16
  private let addresses: (UInt64, UInt64)
  private let flow: (UInt32, UInt64, UInt32)

  /// A train of one.
  ///
  /// - Returns: nil where the frame is not a datagram that the kernel would make again as it is.
  init?(_ frame: borrowing Buffer) {
    guard Self.isOnFastPath(frame) else { return nil }
    payloadByteCount = frame.validByteCount &- Self.headerByteCount
    allPayloadByteCount = payloadByteCount
    identification = Self.identification(frame)
    addresses = Self.addresses(frame)
    flow = Self.flow(frame)
  }

  /// Takes the next frame, where it belongs to the same flow and there is room.
  ///
  /// - Complexity: O(its length).
  mutating func take(_ frame: borrowing Buffer) -> Bool {
    let byteCount = frame.validByteCount &- Self.headerByteCount
    guard !hasShortOne, byteCount > 0, byteCount <= payloadByteCount, count < Self.mostDatagrams,
      allPayloadByteCount &+ byteCount <= Self.mostPayloadByteCount, Self.addresses(frame) == addresses,
      Self.flow(frame) == flow, follows(Self.identification(frame)), Self.isOnFastPath(frame)
    else { return false }
    count &+= 1
    allPayloadByteCount &+= byteCount
    hasShortOne = byteCount < payloadByteCount
    return true
  }

  /// Whether this identification is that of the next datagram.
  private func follows(_ next: UInt16) -> Bool {
    next == identification &+ UInt16(truncatingIfNeeded: count) || (next == 0 && identification == 0)
  }

  private static func identification(_ frame: borrowing Buffer) -> UInt16 { frame.bytes.bigEndian16(at: 18) }

  /// Ethernet's addresses and type, IP's version and type of service.
  private static func addresses(_ frame: borrowing Buffer) -> (UInt64, UInt64) {
    (frame.bytes.littleEndian64(at: 0), frame.bytes.littleEndian64(at: 8))
  }

  /// Fragmentation, time to live and protocol; addresses; ports.
  private static func flow(_ frame: borrowing Buffer) -> (UInt32, UInt64, UInt32) {
    (frame.bytes.littleEndian32(at: 20), frame.bytes.littleEndian64(at: 26), frame.bytes.littleEndian32(at: 34))
  }

  /// Whether a frame is a whole UDP datagram with some payload that must not be fragmented, with nothing behind it, and its
  /// checksums right.
  private static func isOnFastPath(_ frame: borrowing Buffer) -> Bool {
    let bytes = frame.bytes
    guard bytes.count > headerByteCount,
      bytes.bigEndian16(at: 12) == 0x0800, bytes[14] == 0x45, bytes.bigEndian16(at: 20) == 0x4000, bytes[23] == 17,
      Int(bytes.bigEndian16(at: 16)) == bytes.count &- 14, Int(bytes.bigEndian16(at: 38)) == bytes.count &- 34,
      bytes.bigEndian16(at: 40) != 0
    else { return false }
    var header = InternetChecksum()
    header.add(bytes.extracting(14..<34))
    guard header.isValid else { return false }
    var datagram = pseudoHeader(bytes, byteCount: bytes.count &- 34)
    datagram.add(bytes.extracting(droppingFirst: 34))
    return datagram.isValid
  }

  /// RFC 768: addresses, protocol and length.
  private static func pseudoHeader(_ frame: Span<UInt8>, byteCount: Int) -> InternetChecksum {
    var sum = InternetChecksum()
    sum.add(frame.extracting(26..<34))
    sum.add(UInt16(17))
    sum.add(UInt16(truncatingIfNeeded: byteCount))
    return sum
  }

  /// Writes the header of the driver and those of the whole train; `frame` is the first of it.
  ///
  /// - Parameter bytes: ``DriverHeader/byteCount`` and ``headerByteCount`` bytes.
  func writeHeaders(_ frame: borrowing Buffer, into bytes: inout MutableSpan<UInt8>) {
    DriverHeader.write(segmentByteCount: payloadByteCount, into: &bytes)
    let first = frame.bytes
    for index in 0..<Self.headerByteCount { bytes[DriverHeader.byteCount &+ index] = first[index] }
    let start = DriverHeader.byteCount
    let datagramByteCount = 8 &+ allPayloadByteCount
    bytes.storeBigEndian(UInt16(truncatingIfNeeded: 20 &+ datagramByteCount), at: start &+ 16)
    bytes.storeBigEndian(UInt16(0), at: start &+ 24)
    var header = InternetChecksum()
    header.add(bytes.span.extracting((start &+ 14)..<(start &+ 34)))
    bytes.storeBigEndian(header.value, at: start &+ 24)
    bytes.storeBigEndian(UInt16(truncatingIfNeeded: datagramByteCount), at: start &+ 38)
    // A checksum that is left to the driver begins as the sum of the pseudo header, not complemented.
    bytes.storeBigEndian(~Self.pseudoHeader(first, byteCount: datagramByteCount).value, at: start &+ 40)
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
    bytes.storeLittleEndian(UInt16(DatagramTrain.headerByteCount), at: 2)
    bytes.storeLittleEndian(UInt16(truncatingIfNeeded: segmentByteCount), at: 4)
    bytes.storeLittleEndian(UInt16(34), at: 6)
    bytes.storeLittleEndian(UInt16(6), at: 8)
  }
}
