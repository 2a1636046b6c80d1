public import CleanQWire

// Packets for tests, from the outside in: `EthernetHeader(…).followed(by: IPv4Header(…).followed(by: …))`.

extension EthernetHeader {
  /// A frame: this header and what it carries.
  public func followed(by payload: [UInt8]) -> [UInt8] {
    bytes(Self.byteCount, then: payload) { emit(into: &$0) }
  }
}

extension ARPPacket {
  /// The packet's 28 bytes.
  public var array: [UInt8] { bytes(Self.byteCount, then: []) { emit(into: &$0) } }
}

extension IPv4Header {
  /// A packet: this header, its checksum made, and what it carries.
  public func followed(by payload: [UInt8]) -> [UInt8] {
    bytes(Self.byteCount, then: payload) { emit(into: &$0) }
  }
}

extension ICMPv4Message {
  /// A message: this header, its checksum made, and its data.
  public func followed(by data: [UInt8]) -> [UInt8] {
    bytes(Self.byteCount, then: data) { emit(into: &$0) }
  }
}

extension UDPHeader {
  /// A datagram with its header, the checksum made.
  ///
  /// - Parameters:
  ///   - source: the address that the IP header will have.
  ///   - destination: likewise.
  public func followed(by payload: [UInt8], source: IPv4Address, destination: IPv4Address) -> [UInt8] {
    bytes(Self.byteCount, then: payload) { emit(into: &$0, source: source, destination: destination) }
  }
}

/// A header's bytes, written by `emit`, in front of others.
private func bytes(_ count: Int, then payload: [UInt8], emit: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: count) + payload
  var span = bytes.mutableSpan
  emit(&span)
  return bytes
}
