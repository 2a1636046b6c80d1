internal import CleanQ
internal import CleanQWire

/// The neighbour that the last packet went to: the headers of all frames to it with the same protocol and as many hops. Its
/// entry needs no question and no care.
struct RecentNeighbor: BitwiseCopyable, Sendable {
  private let template: IPv4FrameTemplate
  /// Hops, protocol and family, as metadata has them.
  private let marks: UInt32

  /// - Parameter metadata: of a packet whose number of hops is not 0.
  init(_ metadata: PacketMetadata, _ mac: MACAddress, from own: IPv4Address, _ ownMAC: MACAddress) {
    template = IPv4FrameTemplate(
      EthernetHeader(destination: mac, source: ownMAC, etherType: .ipv4), source: own,
      destination: metadata.destination, protocol: metadata.protocol, hops: metadata.timeToLive)
    marks = MetadataMarks.ipv4(hops: metadata.timeToLive, metadata.protocol)
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
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the packet is not a common one, or not for it.
  @inline(__always)
  private func wrap(_ buffer: inout Buffer, maximumByteCount: Int) -> Int {
    let payload = buffer.validByteCount
    guard buffer.isSingle, payload <= maximumByteCount, buffer.hasMetadata else { return -1 }
    // SAFETY: it has metadata.
    let line = unsafe MetadataWords(buffer)
    guard unsafe line.addresses == template.addresses, unsafe line.marks == marks,
      buffer.prepend(IPv4Frame.byteCount)
    else { return -1 }
    // SAFETY: the headers' bytes have just been put into the valid part.
    unsafe template.store(payloadByteCount: payload, at: buffer.address)
    return payload
  }
}
