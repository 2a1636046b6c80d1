public import CleanQ
public import CleanQWire

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
    guard buffer.hasMetadata else { return false }
    let packet = buffer.packetMetadata
    buffer.packetMetadata = PacketMetadata(
      source: packet.destination, destination: packet.source, protocol: packet.protocol)
    return true
  case .datagram:
    return reflectDatagram(&buffer)
  }
}

/// Swaps the addresses and the ports of a datagram's metadata, where it has one.
@inlinable
@inline(__always)
func reflectDatagram(_ buffer: inout Buffer) -> Bool {
  guard buffer.hasMetadata else { return false }
  var bytes = buffer.mutableStorage
  guard bytes.count >= PacketMetadata.byteCount else { return false }
  let addresses = bytes.span.littleEndian64(at: 0)
  let ports = bytes.span.littleEndian32(at: 12)
  bytes.storeLittleEndian(addresses << 32 | addresses >> 32, at: 0)
  bytes.storeLittleEndian(ports << 16 | ports >> 16, at: 12)
  return true
}

/// Swaps the first two six-byte addresses of an Ethernet frame. IEEE 802.3 § 3.2.
@inlinable
@inline(__always)
func swapHardwareAddresses(_ buffer: inout Buffer) -> Bool {
  guard buffer.validByteCount >= 12 else { return false }
  var bytes = buffer.mutableBytes
  guard bytes.count >= 12 else { return false }
  let first = (bytes.span.littleEndian32(at: 0), bytes.span.littleEndian16(at: 4))
  let second = (bytes.span.littleEndian32(at: 6), bytes.span.littleEndian16(at: 10))
  bytes.storeLittleEndian(second.0, at: 0)
  bytes.storeLittleEndian(second.1, at: 4)
  bytes.storeLittleEndian(first.0, at: 6)
  bytes.storeLittleEndian(first.1, at: 10)
  return true
}
