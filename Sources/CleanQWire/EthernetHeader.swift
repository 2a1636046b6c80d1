/// The header of an Ethernet II frame: 14 bytes, with no preamble, VLAN tag or FCS. Sendable.
///
/// ```
/// | destination 6 | source 6 | type 2 | payload …
/// ```
/// Source: IEEE 802.3-2018 § 3.1.1, RFC 894.
@frozen
public struct EthernetHeader: Sendable, Hashable {
  /// The number of bytes on the wire.
  @inlinable public static var byteCount: Int { 14 }

  /// Whom the frame is for.
  public var destination: MACAddress
  /// Who sent the frame.
  public var source: MACAddress
  /// What the frame carries.
  public var etherType: EtherType

  @inlinable
  public init(destination: MACAddress, source: MACAddress, etherType: EtherType) {
    self.destination = destination
    self.source = source
    self.etherType = etherType
  }

  /// Reads the header at the start of `bytes`. The payload starts at byte 14.
  ///
  /// - Returns: the header, or `truncated` if there are fewer than 14 bytes.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public static func parse(_ bytes: Span<UInt8>) -> Result<EthernetHeader, WireError> {
    guard bytes.count >= 14 else { return .failure(.truncated) }
    return .success(
      EthernetHeader(
        destination: MACAddress(bytes, at: 0),
        source: MACAddress(bytes, at: 6),
        etherType: EtherType(rawValue: bytes.bigEndian16(at: 12))))
  }

  /// Writes the header over the first 14 bytes of `bytes`.
  ///
  /// - Precondition: `bytes.count >= 14`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func emit(into bytes: inout MutableSpan<UInt8>) {
    precondition(bytes.count >= 14, "an Ethernet header needs 14 bytes")
    destination.emit(into: &bytes, at: 0)
    source.emit(into: &bytes, at: 6)
    bytes.storeBigEndian(etherType.rawValue, at: 12)
  }
}
