/// The header of a UDP datagram: 8 bytes. Sendable.
///
/// ```
/// | source port 2 | destination port 2 | length 2 | checksum 2 | payload …
/// ```
/// Source: RFC 768, "Format".
@frozen
public struct UDPHeader: Sendable, Hashable {
  /// The number of bytes on the wire.
  @inlinable public static var byteCount: Int { 8 }

  /// The most payload that fits a packet of IPv4.
  @inlinable public static var maximumPayloadByteCount: Int { 65_535 &- IPv4Header.byteCount &- byteCount }

  /// The port that an answer would go to; 0 if there is none.
  public var sourcePort: UInt16
  /// The port that the datagram is for.
  public var destinationPort: UInt16
  /// The bytes of header and payload: 8…65535.
  public var totalByteCount: Int

  /// The header of a datagram with that payload.
  ///
  /// - Precondition: `payloadByteCount` is in 0…65527.
  @inlinable
  public init(sourcePort: UInt16, destinationPort: UInt16, payloadByteCount: Int) {
    precondition(payloadByteCount >= 0 && payloadByteCount <= 65527, "a UDP datagram has at most 65535 bytes")
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    totalByteCount = 8 &+ payloadByteCount
  }

  /// The bytes after the header. They start at byte 8.
  @inlinable public var payloadByteCount: Int { totalByteCount &- 8 }
}
