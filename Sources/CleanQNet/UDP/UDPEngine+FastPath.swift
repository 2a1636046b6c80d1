public import CleanQ
internal import CleanQWire

// The common datagram: in one buffer, with nothing wrong. It is taken or made here with a load or a store per word; what
// is not common takes the slow path, which says what is wrong with it, and a common one that takes the slow path comes out the
// same (`FastPathTests`). The loops are functions of their own, so that all they need stays in registers.

extension UDPEngine {
  /// Takes common datagrams for bound ports, where they lie in their burst.
  ///
  /// - Returns: how many, from the `start`-th on.
  mutating func takeFast(_ burst: inout Burst, from start: Int) -> Int {
    guard !isInsideReceivedChain else { return 0 }
    // It may have been closed since.
    if let port = UInt16(exactly: recentPort), !ports.contains(port.byteSwapped) { recentPort = .max }
    var position = start
    while position < burst.count {
      let stretch = burst.contiguousSpan(from: position, to: burst.count)
      let (count, byteCount) = FastDatagram.take(stretch, port: recentPort)
      received.add(packetCount: count, byteCount: byteCount)
      position &+= count
      // What stopped it was the end of the stretch, or one of the other length, or another port, or it is not usual.
      guard position < burst.count, count > 0 || adoptPort(of: burst[position]) else { break }
    }
    return position &- start
  }

  /// Takes the port of another packet for the recent one, where it is open.
  ///
  /// - Returns: whether it is another port than before, and open.
  private mutating func adoptPort(of buffer: borrowing Buffer) -> Bool {
    let bytes = buffer.bytes
    guard bytes.count >= UDPHeader.byteCount else { return false }
    let header = UDPWords(bytes)
    guard header.ports >> 16 != recentPort, ports.contains(header.destinationPort) else { return false }
    recentPort = header.ports >> 16
    return true
  }

  /// Makes packets of common datagrams in buffers of one region, where they lie in their burst.
  ///
  /// - Returns: how many, from the `start`-th on.
  @usableFromInline
  mutating func makeFast(_ burst: inout Burst, from start: Int, of region: RegionID, maximumByteCount: Int) -> Int {
    let maximum = min(maximumByteCount, 65_535 - UDPHeader.byteCount)
    var position = start
    while position < burst.count {
      let stretch = burst.contiguousSpan(from: position, to: burst.count)
      let (count, byteCount) = FastDatagram.make(stretch, of: region, maximumByteCount: maximum)
      transmitted.add(packetCount: count, byteCount: byteCount)
      guard count > 0 else { break }
      position &+= count
    }
    return position &- start
  }
}

/// The loops over common datagrams.
private enum FastDatagram {
  /// What is longer than this is a long datagram.
  private static var longByteCount: Int { 256 }

  /// Strips the headers of common datagrams, from the first, and writes their ports. Ends where long ones follow short ones, or
  /// short ones long ones.
  ///
  /// - Parameter port: the open port, as it lies in memory.
  /// - Returns: how many, and the bytes of their payloads.
  static func take(_ buffers: consuming MutableSpan<Buffer>, port: UInt32) -> (count: Int, byteCount: Int) {
    guard buffers.count > 0 else { return (0, 0) }
    return buffers[0].validByteCount > longByteCount ? takeLong(buffers, port) : takeShort(buffers, port)
  }

  @inline(never)
  private static func takeShort(_ buffers: consuming MutableSpan<Buffer>, _ port: UInt32) -> (
    count: Int, byteCount: Int
  ) {
    var index = 0
    var byteCount = 0
    while index < buffers.count, buffers[index].validByteCount <= longByteCount {
      let payload = take(&buffers[index], port, isLong: false)
      guard payload >= 0 else { break }
      byteCount &+= payload
      index &+= 1
    }
    return (index, byteCount)
  }

  /// The payload of a long datagram may lie in another processor's cache, and each byte of it is summed up: its lines come while
  /// the one before is at work. The first two have been asked for by whoever received it.
  @inline(never)
  private static func takeLong(_ buffers: consuming MutableSpan<Buffer>, _ port: UInt32) -> (
    count: Int, byteCount: Int
  ) {
    var index = 0
    var byteCount = 0
    while index < buffers.count, buffers[index].validByteCount > longByteCount {
      if index &+ 1 < buffers.count { buffers[index &+ 1].prefetch(from: 64) }
      let payload = take(&buffers[index], port, isLong: true)
      guard payload >= 0 else { break }
      byteCount &+= payload
      index &+= 1
    }
    return (index, byteCount)
  }

  /// Strips the header of a common datagram and writes its ports.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the datagram is not usual.
  @inline(__always)
  private static func take(_ buffer: inout Buffer, _ port: UInt32, isLong: Bool) -> Int {
    guard buffer.isSingle, buffer.hasMetadata, buffer.validByteCount >= UDPHeader.byteCount else { return -1 }
    // SAFETY: it has metadata.
    let line = unsafe MetadataWords(buffer)
    let header = UDPWords(buffer.bytes)
    guard unsafe line.protocolAndFlags == protocolAndFlags, header.ports >> 16 == port,
      let payload = unsafe check(header, buffer.bytes, line.addresses, isLong: isLong),
      buffer.trimFront(UDPHeader.byteCount, keeping: payload)
    else { return -1 }
    unsafe line.ports = header.ports
    return payload
  }

  /// UDP in IPv4, with no flag.
  private static var protocolAndFlags: UInt16 { UInt16(MetadataMarks.ipv4(hops: 0, .udp) >> 8) }

  /// The bytes of payload of the datagram in `bytes`; nil where there are fewer, or the checksum is wrong.
  @inline(__always)
  private static func check(_ header: UDPWords, _ bytes: Span<UInt8>, _ addresses: UInt64, isLong: Bool) -> Int? {
    let payload = header.totalByteCount &- UDPHeader.byteCount
    guard UInt(bitPattern: payload) <= UInt(bitPattern: bytes.count &- UDPHeader.byteCount) else { return nil }
    guard header.hasChecksum else { return payload }
    // SAFETY: the payload has been compared with what follows the header.
    let rest = unsafe bytes.extracting(unchecked: UDPHeader.byteCount..<UDPHeader.byteCount &+ payload)
    let isValid =
      isLong ? isLongChecksumValid(header, rest, addresses) : header.isChecksumValid(rest, addresses: addresses)
    return isValid ? payload : nil
  }

  /// For a long one a call does not count, and keeps the loop over its bytes as short as it is.
  @inline(never)
  private static func isLongChecksumValid(_ header: UDPWords, _ payload: Span<UInt8>, _ addresses: UInt64) -> Bool {
    header.isChecksumValid(payload, addresses: addresses)
  }

  /// Puts headers in front of common datagrams in buffers of one region, from the first.
  ///
  /// - Returns: how many, and the bytes of their payloads.
  @inline(never)
  static func make(_ buffers: consuming MutableSpan<Buffer>, of region: RegionID, maximumByteCount: Int) -> (
    count: Int, byteCount: Int
  ) {
    var index = 0
    var byteCount = 0
    while index < buffers.count, buffers[index].region == region {
      let payload = make(&buffers[index], maximumByteCount: maximumByteCount)
      guard payload >= 0 else { break }
      byteCount &+= payload
      index &+= 1
    }
    return (index, byteCount)
  }

  /// Puts the header in front of a common datagram.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the datagram is not usual.
  @inline(__always)
  private static func make(_ buffer: inout Buffer, maximumByteCount: Int) -> Int {
    let payload = buffer.validByteCount
    guard buffer.isSingle, payload <= maximumByteCount, buffer.hasMetadata else { return -1 }
    // SAFETY: it has metadata.
    let line = unsafe MetadataWords(buffer)
    let header = unsafe UDPWords(ports: line.ports, totalByteCount: UDPHeader.byteCount &+ payload)
      .sealed(buffer.bytes, addresses: unsafe line.addresses)
    guard buffer.prepend(UDPHeader.byteCount) else { return -1 }
    // SAFETY: the header's eight bytes have just been put into the valid part.
    unsafe header.store(at: buffer.address)
    unsafe line.setOutgoing(MetadataMarks.ipv4(hops: 64, .udp))
    return payload
  }
}
