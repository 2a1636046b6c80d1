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
    let port = bytes.littleEndian16(at: 2)
    guard UInt32(port) != recentPort, ports.contains(port.byteSwapped) else { return false }
    recentPort = UInt32(port)
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
  /// Protocol and the length in a pseudo header, as they lie in memory. RFC 768, "Checksum".
  private static var pseudoProtocol: UInt64 { 0x1100 }

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
      let payload = take(&buffers[index], port)
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
      let payload = takeOne(&buffers[index], port)
      guard payload >= 0 else { break }
      byteCount &+= payload
      index &+= 1
    }
    return (index, byteCount)
  }

  /// For a long one a call does not count, and keeps the loop over its bytes as short as it is.
  @inline(never)
  private static func takeOne(_ buffer: inout Buffer, _ port: UInt32) -> Int { take(&buffer, port) }

  /// Strips the header of a common datagram and writes its ports.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the datagram is not usual.
  @inline(__always)
  private static func take(_ buffer: inout Buffer, _ port: UInt32) -> Int {
    guard buffer.isSingle, buffer.hasMetadata else { return -1 }
    // SAFETY: it has metadata.
    let metadata = unsafe buffer.metadataWords
    guard unsafe (metadata.load(at: 8) as UInt8) == 17,
      let datagram = unsafe recognise(buffer.bytes, metadata.load(at: 0), port),
      buffer.trimFront(UDPHeader.byteCount, keeping: datagram.payload)
    else { return -1 }
    unsafe metadata.store(datagram.ports, at: 12)
    return datagram.payload
  }

  /// What a common datagram says; nil where it is not usual.
  @inline(__always)
  private static func recognise(_ bytes: Span<UInt8>, _ addresses: UInt64, _ port: UInt32) -> (
    ports: UInt32, payload: Int
  )? {
    guard bytes.count >= UDPHeader.byteCount else { return nil }
    let header = bytes.littleEndian64(at: 0)
    let ports = UInt32(truncatingIfNeeded: header)
    let length = header >> 32 & 0xFFFF
    let payload = Int(UInt16(truncatingIfNeeded: length).byteSwapped) &- UDPHeader.byteCount
    guard ports >> 16 == port, UInt(bitPattern: payload) <= UInt(bitPattern: bytes.count &- UDPHeader.byteCount) else {
      return nil
    }
    // RFC 768, "Checksum": 0 says that there is none.
    if header >> 48 != 0 {
      var checksum = InternetChecksum()
      checksum.add(littleEndian: addresses)
      checksum.add(littleEndian: pseudoProtocol &+ length)
      checksum.add(littleEndian: header)
      // SAFETY: the payload has been compared with what follows the header.
      checksum.addInline(unsafe bytes.extracting(unchecked: UDPHeader.byteCount..<UDPHeader.byteCount &+ payload))
      guard checksum.isValid else { return nil }
    }
    return (ports, payload)
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
    guard buffer.isSingle, payload <= maximumByteCount,
      buffer.headroom >= PacketMetadata.byteCount &+ UDPHeader.byteCount
    else { return -1 }
    // SAFETY: the headroom is longer than the metadata.
    let metadata = unsafe buffer.metadataWords
    let length = UInt64(UInt16(truncatingIfNeeded: UDPHeader.byteCount &+ payload).byteSwapped)
    let header = unsafe UInt64(metadata.load(at: 12) as UInt32) | length << 32
    var checksum = InternetChecksum()
    checksum.add(littleEndian: unsafe metadata.load(at: 0))
    // All are below 2^48: no carry. RFC 768, "Checksum": 0 means none, and is sent as ones; hence the 1.
    checksum.add(littleEndian: header &+ pseudoProtocol &+ length &+ 1)
    checksum.addInline(buffer.bytes)
    let value = checksum.littleEndianValueBeyondOne
    guard buffer.prepend(UDPHeader.byteCount) else { return -1 }
    // SAFETY: the header's eight bytes have just been put into the valid part.
    unsafe buffer.words.store(header | UInt64(value) << 48, at: 0)
    unsafe metadata.store(17 | 64 << 8 as UInt32, at: 8)
    return payload
  }
}
