internal import CleanQ
internal import CleanQWire

// The usual datagram: in one buffer, with nothing wrong. It is taken or made here with a load or a store per word; whatever
// is not usual goes the long way, which says what is wrong with it, and a usual one that goes the long way comes out the
// same (`IPUsualTests`).

extension UDPEngine {
  /// Protocol and the length in a pseudo header, as they lie in memory. RFC 768, "Checksum".
  private static var pseudoProtocol: UInt64 { 0x1100 }

  /// Strips the header of a usual datagram for a bound port.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the datagram is not usual.
  @inline(__always)
  func takeUsual(_ buffer: inout Buffer) -> Int {
    guard buffer.flags == .last, let annotation = buffer.annotationWords, annotation.rest & 0xFF == 17,
      let datagram = recognise(buffer.bytes, annotation.addresses)
    else { return -1 }
    buffer.writeAnnotatedPorts(datagram.ports)
    let payload = datagram.byteCount &- UDPHeader.byteCount
    return buffer.setValid(offset: buffer.headroom &+ UDPHeader.byteCount, byteCount: payload) ? payload : -1
  }

  /// What a usual datagram says; nil where it is not usual.
  @inline(__always)
  private func recognise(_ bytes: Span<UInt8>, _ addresses: UInt64) -> (ports: UInt32, byteCount: Int)? {
    guard bytes.count >= UDPHeader.byteCount else { return nil }
    let header = bytes.littleEndian64(at: 0)
    let byteCount = Int(UInt16(truncatingIfNeeded: header >> 32).byteSwapped)
    guard byteCount >= UDPHeader.byteCount, byteCount <= bytes.count else { return nil }
    if header >> 48 != 0 {
      var checksum = InternetChecksum()
      checksum.add(littleEndian: addresses)
      checksum.add(littleEndian: Self.pseudoProtocol &+ (header >> 32 & 0xFFFF))
      checksum.add(bytes.extracting(0..<byteCount))
      guard checksum.isValid else { return nil }
    }
    guard ports.contains(UInt16(truncatingIfNeeded: header >> 16).byteSwapped) else { return nil }
    return (UInt32(truncatingIfNeeded: header), byteCount)
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
    let ports = buffer.annotatedPorts
    let length = UInt64(UInt16(truncatingIfNeeded: UDPHeader.byteCount &+ payload).byteSwapped)
    let header = UInt64(ports) | length << 32
    var checksum = InternetChecksum()
    checksum.add(littleEndian: annotation.addresses)
    checksum.add(littleEndian: Self.pseudoProtocol &+ length)
    checksum.add(littleEndian: header)
    checksum.add(buffer.bytes)
    // RFC 768, "Checksum": 0 means none, and is sent as ones.
    let value = checksum.littleEndianValue
    guard buffer.prepend(UDPHeader.byteCount) else { return -1 }
    var bytes = buffer.mutableBytes
    guard bytes.count >= UDPHeader.byteCount else { return -1 }
    bytes.storeLittleEndian(header | UInt64(value == 0 ? 0xFFFF : value) << 48, at: 0)
    buffer.writeAnnotation(annotation.addresses, 17 | 64 << 8)
    return payload
  }
}
