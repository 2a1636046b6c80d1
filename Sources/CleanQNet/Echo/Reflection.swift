public import CleanQ

// Turning a packet round: what it takes depends on the kind of traffic.

/// Makes a received packet one that goes back to its sender.
///
/// - Returns: false, with nothing changed, where the buffer is too short to have addresses.
@inlinable
public func reflect<Unit: Traffic>(_ buffer: inout Buffer, as unit: Unit.Type) -> Bool {
  switch Unit.kind {
  case .frame:
    return swapHardwareAddresses(&buffer)
  case .packet:
    guard buffer.hasAnnotation else { return false }
    let packet = buffer.packetAnnotation
    buffer.packetAnnotation = PacketAnnotation(
      source: packet.destination, destination: packet.source, protocol: packet.protocol)
    return true
  case .datagram:
    guard buffer.hasAnnotation else { return false }
    buffer.datagramAnnotation = buffer.datagramAnnotation.reflected
    return true
  }
}

/// Swaps the first two six-byte addresses of an Ethernet frame. IEEE 802.3 § 3.2.
@inlinable
func swapHardwareAddresses(_ buffer: inout Buffer) -> Bool {
  guard buffer.validByteCount >= 12 else { return false }
  var bytes = buffer.mutableBytes
  for index in 0..<6 {
    let byte = bytes[index]
    bytes[index] = bytes[index + 6]
    bytes[index + 6] = byte
  }
  return true
}
