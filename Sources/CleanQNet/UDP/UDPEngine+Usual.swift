internal import CleanQ
internal import CleanQWire

// The usual datagram: in one buffer, with nothing wrong. It is taken or made here with a load or a store per word; whatever
// is not usual goes the long way, which says what is wrong with it, and a usual one that goes the long way comes out the
// same (`IPUsualTests`).

extension UDPEngine {
  /// Protocol and the length in a pseudo header, as they lie in memory. RFC 768, "Checksum".
  private static var pseudoProtocol: UInt64 { 0x1100 }

  /// Takes usual datagrams for bound ports, where they lie in their burst.
  ///
  /// - Returns: how many, from the `start`-th on.
  mutating func takeUsual(_ burst: inout Burst, from start: Int) -> Int {
    guard !isInsideReceivedChain else { return 0 }
    var open: UInt32 = .max
    var tally = StageReport.Tally()
    var position = start
    search: while position < burst.count {
      var stretch = burst.stretch(from: position, to: burst.count)
      for index in 0..<stretch.count {
        let payload = takeUsual(&stretch[index], open: &open)
        guard payload >= 0 else { break search }
        tally.add(byteCount: payload)
        position &+= 1
      }
    }
    received.add(tally)
    return position &- start
  }

  /// Makes packets of usual datagrams, where they lie in their burst.
  ///
  /// - Returns: how many, from the `start`-th on.
  mutating func makeUsual(_ burst: inout Burst, from start: Int, maximumByteCount: Int) -> Int {
    var tally = StageReport.Tally()
    var position = start
    search: while position < burst.count {
      var stretch = burst.stretch(from: position, to: burst.count)
      for index in 0..<stretch.count {
        let payload = makeUsual(&stretch[index], maximumByteCount: maximumByteCount)
        guard payload >= 0 else { break search }
        tally.add(byteCount: payload)
        position &+= 1
      }
    }
    transmitted.add(tally)
    return position &- start
  }

  /// Strips the header of a usual datagram for a bound port.
  ///
  /// - Parameter open: a port that is open, as it lies in memory, or a number that is none; that of the datagram after it.
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the datagram is not usual.
  @inline(__always)
  func takeUsual(_ buffer: inout Buffer, open: inout UInt32) -> Int {
    guard buffer.flags == .last, let annotation = buffer.annotationWords, annotation.rest & 0xFF == 17,
      let datagram = recognise(buffer.bytes, annotation.addresses)
    else { return -1 }
    if datagram.ports >> 16 != open {
      let port = datagram.ports >> 16
      guard ports.contains(UInt16(truncatingIfNeeded: port).byteSwapped) else { return -1 }
      open = port
    }
    guard buffer.trimFront(UDPHeader.byteCount, keeping: datagram.payload) else { return -1 }
    buffer.writeAnnotatedPorts(datagram.ports)
    return datagram.payload
  }

  /// What a usual datagram says; nil where it is not usual.
  @inline(__always)
  private func recognise(_ bytes: Span<UInt8>, _ addresses: UInt64) -> (ports: UInt32, payload: Int)? {
    guard bytes.count >= UDPHeader.byteCount else { return nil }
    let header = bytes.littleEndian64(at: 0)
    let length = header >> 32 & 0xFFFF
    let payload = Int(UInt16(truncatingIfNeeded: length).byteSwapped) &- UDPHeader.byteCount
    guard UInt(bitPattern: payload) <= UInt(bitPattern: bytes.count &- UDPHeader.byteCount) else { return nil }
    if header >> 48 != 0 {
      var checksum = InternetChecksum()
      checksum.add(littleEndian: addresses)
      checksum.add(littleEndian: Self.pseudoProtocol &+ length)
      checksum.add(littleEndian: header)
      checksum.addInline(bytes.extracting(UDPHeader.byteCount..<UDPHeader.byteCount &+ payload))
      guard checksum.isValid else { return nil }
    }
    return (UInt32(truncatingIfNeeded: header), payload)
  }

  /// Puts the header in front of a usual datagram.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the datagram is not usual.
  @inline(__always)
  func makeUsual(_ buffer: inout Buffer, maximumByteCount: Int) -> Int {
    let payload = buffer.validByteCount
    guard buffer.flags == .last, payload <= maximumByteCount, payload <= 65_527,
      buffer.headroom >= PacketAnnotation.byteCount &+ UDPHeader.byteCount, let annotation = buffer.annotationWords
    else { return -1 }
    let length = UInt64(UInt16(truncatingIfNeeded: UDPHeader.byteCount &+ payload).byteSwapped)
    let header = UInt64(buffer.annotatedPorts) | length << 32
    var checksum = InternetChecksum()
    checksum.add(littleEndian: annotation.addresses)
    // Both are below 2^48: no carry.
    checksum.add(littleEndian: header &+ Self.pseudoProtocol &+ length)
    checksum.addInline(buffer.bytes)
    // RFC 768, "Checksum": 0 means none, and is sent as ones.
    let value = checksum.littleEndianValue
    guard buffer.prepend(UDPHeader.byteCount) else { return -1 }
    buffer.writeAnnotation(17 | 64 << 8)
    var bytes = buffer.mutableBytes
    guard bytes.count >= UDPHeader.byteCount else { return -1 }
    bytes.storeLittleEndian(header | UInt64(value == 0 ? 0xFFFF : value) << 48, at: 0)
    return payload
  }
}
