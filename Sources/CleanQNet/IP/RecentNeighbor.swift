internal import CleanQ
internal import CleanQWire

/// The neighbour that the last packet went to, as words of a frame. Its entry needs no question and no care.
struct RecentNeighbor: BitwiseCopyable, Sendable {
  /// The first 16 bytes of a frame to it: both Ethernet addresses, type, version, and type of service 0.
  private let start: UInt64
  private let next: UInt64
  /// Both IP addresses.
  private let addresses: UInt64
  /// The sum of those words of an IP header that are the same in all of its packets.
  private let sum: UInt16

  /// No identification, and "don't fragment": RFC 6864 § 4.1.
  private static var identification: UInt64 { 0x0040_0000 }

  init(_ address: IPv4Address, _ mac: MACAddress, from own: IPv4Address, _ ownMAC: MACAddress) {
    start = mac.littleEndian | ownMAC.littleEndian << 48
    next = ownMAC.littleEndian >> 16 | 0x0045_0008 << 32
    addresses = UInt64(own.rawValue.byteSwapped) | UInt64(address.rawValue.byteSwapped) << 32
    sum = InternetChecksum.littleEndianSum(addresses, Self.identification &+ 0x45)
  }

  /// Puts the headers in front of usual packets for this neighbour, in buffers of one region, from the first.
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

  /// Puts the headers in front of a usual packet for this neighbour.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the packet is not usual or not for it.
  @inline(__always)
  private func wrap(_ buffer: inout Buffer, maximumByteCount: Int) -> Int {
    let payload = buffer.validByteCount
    guard buffer.isSingle, payload <= maximumByteCount, buffer.headroom >= IPEngine.headersByteCount else { return -1 }
    // SAFETY: the headroom is longer than an annotation.
    let annotation = unsafe buffer.annotationWords
    let rest: UInt32 = unsafe annotation.load(at: 8)
    guard unsafe annotation.load(at: 0) == addresses, rest & 0xFF00 != 0, buffer.prepend(IPEngine.headersByteCount)
    else { return -1 }
    let length = UInt16(truncatingIfNeeded: IPv4Header.byteCount &+ payload).byteSwapped
    let timeToLiveAndProtocol = UInt16(truncatingIfNeeded: rest).byteSwapped
    let checksum = InternetChecksum.littleEndianChecksum(sum, UInt32(length) &+ UInt32(timeToLiveAndProtocol))
    // SAFETY: the headers' 34 bytes have just been put into the valid part.
    let frame = unsafe buffer.words
    unsafe frame.store(start, at: 0)
    unsafe frame.store(next, at: 8)
    unsafe frame.store(UInt64(length) | Self.identification << 16 | UInt64(timeToLiveAndProtocol) << 48, at: 16)
    unsafe frame.store(checksum, at: 24)
    unsafe frame.store(addresses, at: 26)
    return payload
  }
}
