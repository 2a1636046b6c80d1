internal import CleanQ
internal import CleanQWire

/// The neighbour that the last packet went to, as words of a frame: what all frames to it with the same protocol and as many
/// hops have in common. Its entry needs no question and no care.
struct RecentNeighbor: BitwiseCopyable, Sendable {
  /// The first 16 bytes: both Ethernet addresses, type, version, and type of service 0.
  private let start: SIMD2<UInt64>
  /// The next eight, without a length: no identification, "don't fragment" (RFC 6864 § 4.1), hops and protocol.
  private let middle: UInt64
  /// Both IP addresses.
  private let addresses: UInt64
  /// The sum of those words of an IP header.
  private let sum: UInt16
  /// Protocol and hops, as metadata has them.
  private let rest: UInt16

  /// - Parameter metadata: of a packet whose number of hops is not 0.
  init(_ metadata: PacketMetadata, _ mac: MACAddress, from own: IPv4Address, _ ownMAC: MACAddress) {
    start = SIMD2(mac.littleEndian | ownMAC.littleEndian << 48, ownMAC.littleEndian >> 16 | 0x0045_0008 << 32)
    rest = UInt16(metadata.protocol.rawValue) | UInt16(metadata.timeToLive) << 8
    middle = 0x0040 << 32 | UInt64(rest.byteSwapped) << 48
    addresses = UInt64(own.rawValue.byteSwapped) | UInt64(metadata.destination.rawValue.byteSwapped) << 32
    sum = InternetChecksum.littleEndianSum(addresses, middle &+ 0x45)
  }

  /// Puts the headers in front of common packets for this neighbour, in buffers of one region, from the first.
  ///
  /// - Returns: how many packets, and the bytes of their payloads.
  @inline(never)
  func wrap(_ buffers: consuming MutableSpan<Buffer>, of region: RegionID, maximumByteCount: Int) -> (
    count: Int, byteCount: Int
  ) {
    var index = 0
    var byteCount = 0
    while index < buffers.count, buffers[index].region == region {
      let payload = wrap(&buffers[index], maximumByteCount: maximumByteCount)
      guard payload >= 0 else { break }
      byteCount &+= payload
      index &+= 1
    }
    return (index, byteCount)
  }

  /// Puts the headers in front of a common packet for this neighbour.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the packet is not usual or not for it.
  @inline(__always)
  private func wrap(_ buffer: inout Buffer, maximumByteCount: Int) -> Int {
    let payload = buffer.validByteCount
    guard buffer.isSingle, payload <= maximumByteCount, buffer.headroom >= IPEngine.headersByteCount else { return -1 }
    // SAFETY: the headroom is longer than the metadata.
    let metadata = unsafe buffer.metadataWords
    guard unsafe metadata.load(at: 0) == addresses, unsafe metadata.load(at: 8) == rest,
      buffer.prepend(IPEngine.headersByteCount)
    else { return -1 }
    let length = UInt16(truncatingIfNeeded: IPv4Header.byteCount &+ payload).byteSwapped
    // SAFETY: the headers' 34 bytes have just been put into the valid part.
    let frame = unsafe buffer.words
    unsafe frame.store(start)
    unsafe frame.store(middle | UInt64(length), at: 16)
    unsafe frame.store(InternetChecksum.littleEndianChecksum(sum, length), at: 24)
    unsafe frame.store(addresses, at: 26)
    return payload
  }
}
