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
    guard bytes.count >= byteCount else { return .failure(.truncated) }
    let second = UInt64(bytes.littleEndian32(at: 8)) | UInt64(bytes.littleEndian16(at: 12)) << 32
    return .success(EthernetWords(first: bytes.littleEndian64(at: 0), second: second).header)
  }

  /// The type that a frame says, as a number; 0, which is none, if there are fewer than 14 bytes.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public static func etherType(of bytes: Span<UInt8>) -> Int {
    bytes.count >= byteCount ? Int(bytes.bigEndian16(at: 12)) : 0
  }

  /// Writes the header over the first 14 bytes of `bytes`.
  ///
  /// - Precondition: `bytes.count >= 14`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func emit(into bytes: inout MutableSpan<UInt8>) {
    precondition(bytes.count >= 14, "an Ethernet header needs 14 bytes")
    let words = EthernetWords(self)
    bytes.storeLittleEndian(words.first, at: 0)
    bytes.storeLittleEndian(UInt32(truncatingIfNeeded: words.second), at: 8)
    bytes.storeLittleEndian(UInt16(truncatingIfNeeded: words.second >> 32), at: 12)
  }
}
