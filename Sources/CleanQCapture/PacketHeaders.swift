internal import CleanQ
internal import CleanQNet
internal import CleanQWire

/// The headers that a capture shows in front of packets and datagrams, which travel without: IPv4, and UDP.
///
/// Made from the metadata of a packet's first buffer. What the metadata does not say (identification, options) is as
/// this stack would send it.
struct PacketHeaders {
  let byteCount: Int
  private let addresses: DatagramMetadata
  private let `protocol`: IPProtocol
  private let timeToLive: UInt8
  private let isDatagram: Bool

  /// Nil for frames, which have headers of their own.
  ///
  /// - Parameter kind: the traffic that the buffer is part of.
  init?(of buffer: borrowing Buffer, _ kind: TrafficKind) {
    guard kind != .frame else { return nil }
    isDatagram = kind == .datagram
    byteCount = IPv4Header.byteCount + (isDatagram ? UDPHeader.byteCount : 0)
    addresses = buffer.datagramMetadata
    let metadata = buffer.packetMetadata
    `protocol` = isDatagram ? .udp : metadata.protocol
    // An application that sends datagrams leaves this to the layer below, which has not seen them yet.
    timeToLive = metadata.timeToLive == 0 ? 64 : metadata.timeToLive
  }

  /// Writes the headers, with their checksums, over the first ``byteCount`` bytes of the open frame.
  ///
  /// - Complexity: O(1), for datagrams O(number of bytes).
  func emit(into arena: inout FrameArena) {
    guard let frame = arena.open else { return }
    // More than IPv4 can carry cannot be said in its header; the record's length tells.
    let carriedByteCount = min(frame.byteCount - IPv4Header.byteCount, 65_515)
    if isDatagram {
      let header = UDPHeader(
        sourcePort: addresses.sourcePort, destinationPort: addresses.destinationPort,
        payloadByteCount: carriedByteCount - UDPHeader.byteCount)
      arena.withOpenBytes(from: IPv4Header.byteCount) {
        header.emit(into: &$0, source: addresses.source, destination: addresses.destination)
      }
    }
    let header = IPv4Header(
      source: addresses.source, destination: addresses.destination, protocol: `protocol`,
      payloadByteCount: carriedByteCount, ttl: timeToLive)
    arena.withOpenBytes { header.emit(into: &$0) }
  }
}
