public import CleanQ
public import CleanQWire

/// ICMP error messages, made in the very buffer of the packet that they are about.
///
/// Stateless; the caller limits the rate (RFC 1812 § 4.3.2.8), see ``TokenBucket/icmpErrors``.
public enum ICMPError {
  /// Room in front of an ICMP message: for its IP and Ethernet headers.
  static let headroom = IPv4Header.byteCount + EthernetHeader.byteCount

  /// Turns a received packet into the destination-unreachable message about it, to be transmitted to its sender.
  ///
  /// Before, the valid part is the packet's payload, with the IP header directly in front, as ``IPPort`` delivers it. Then
  /// it is the ICMP message: 8 bytes, the IP header, the first 8 bytes of payload (RFC 792, "Destination Unreachable
  /// Message"). The metadata says whom it is for and the mark `.reply` is set.
  ///
  /// - Parameters:
  ///   - code: why.
  ///   - buffer: the received packet.
  ///   - metadata: what the buffer's metadata said when it was received.
  /// - Returns: false, with nothing changed, where RFC 1122 § 3.2.2 forbids an error (about a broadcast, an ICMP error, a
  ///   fragment other than the first, a source that is no single host), and where there is no room for one.
  /// - Complexity: O(1).
  public static func makeUnreachable(
    code: ICMPv4UnreachableCode, in buffer: inout Buffer, metadata: PacketMetadata
  ) -> Bool {
    guard isAllowed(about: buffer, metadata: metadata) else { return false }
    let messageOffset = buffer.headroom - metadata.headerByteCount - ICMPv4Message.byteCount
    let quoteByteCount = metadata.headerByteCount + min(8, buffer.validByteCount)
    guard messageOffset >= headroom,
      buffer.setValid(offset: messageOffset, byteCount: ICMPv4Message.byteCount + quoteByteCount)
    else { return false }
    var bytes = buffer.mutableBytes
    ICMPv4Message.destinationUnreachable(code).emit(into: &bytes)
    buffer.packetMetadata = PacketMetadata(
      source: metadata.destination, destination: metadata.source, protocol: .icmp)
    buffer.flags.insert(.reply)
    return true
  }

  /// Whether a received packet may be answered with an error. RFC 1122 § 3.2.2.
  static func isAllowed(about buffer: borrowing Buffer, metadata: PacketMetadata) -> Bool {
    guard !metadata.isBroadcast, isHost(metadata.source), isHost(metadata.destination) else { return false }
    guard buffer.hasMetadata, !metadata.isLaterFragment, metadata.headerByteCount >= IPv4Header.byteCount,
      metadata.headerByteCount <= IPv4Header.maximumByteCount, metadata.headerByteCount % 4 == 0,
      buffer.headroom - metadata.headerByteCount >= headroom + ICMPv4Message.byteCount
    else { return false }
    guard metadata.protocol == .icmp else { return true }
    let payload = buffer.bytes
    return payload.count > 0 && !ICMPv4Type(rawValue: payload[0]).isError
  }

  /// Whether an address can be that of one host elsewhere. RFC 1122 § 3.2.1.3.
  static func isHost(_ address: IPv4Address) -> Bool {
    address.rawValue >> 24 != 0 && !address.isLoopback && !address.isMulticast && !address.isClassE
  }
}
