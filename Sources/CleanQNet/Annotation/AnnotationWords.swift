internal import CleanQ
internal import CleanQWire

extension Buffer {
  /// The annotation as it lies in memory: the two addresses; the protocol and the three bytes behind it. Nil without one.
  @inline(__always)
  var annotationWords: (addresses: UInt64, rest: UInt32)? {
    let bytes = storage
    guard hasAnnotation, bytes.count >= PacketAnnotation.byteCount else { return nil }
    return (bytes.littleEndian64(at: 0), bytes.littleEndian32(at: 8))
  }

  /// The ports of a datagram's annotation as they lie in memory. Zero without one.
  @inline(__always)
  var annotatedPorts: UInt32 {
    let bytes = storage
    guard hasAnnotation, bytes.count >= PacketAnnotation.byteCount else { return 0 }
    return bytes.littleEndian32(at: 12)
  }

  /// Writes a packet's annotation. Without ``hasAnnotation`` it does nothing.
  @inline(__always)
  mutating func writeAnnotation(_ addresses: UInt64, _ rest: UInt32) {
    guard hasAnnotation else { return }
    var bytes = mutableStorage
    guard bytes.count >= PacketAnnotation.byteCount else { return }
    bytes.storeLittleEndian(addresses, at: 0)
    bytes.storeLittleEndian(rest, at: 8)
  }

  /// Writes all of a packet's annotation but the addresses. Without ``hasAnnotation`` it does nothing.
  @inline(__always)
  mutating func writeAnnotation(_ rest: UInt32) {
    guard hasAnnotation else { return }
    var bytes = mutableStorage
    guard bytes.count >= PacketAnnotation.byteCount else { return }
    bytes.storeLittleEndian(rest, at: 8)
  }

  /// Writes the ports of a datagram's annotation. Without ``hasAnnotation`` it does nothing.
  @inline(__always)
  mutating func writeAnnotatedPorts(_ ports: UInt32) {
    guard hasAnnotation else { return }
    var bytes = mutableStorage
    guard bytes.count >= PacketAnnotation.byteCount else { return }
    bytes.storeLittleEndian(ports, at: 12)
  }
}
