/// What stands in front of the type of a tagged frame's payload: 4 bytes, of which the first two follow the type 0x8100.
/// Sendable.
///
/// ```
/// | priority 3 b, drop eligible 1 b, VLAN identifier 12 b | type 2 |
/// ```
/// Source: IEEE 802.1Q § 9.6.
@frozen
public struct VLANTag: Sendable, Hashable {
  /// The number of bytes on the wire, the type that follows included.
  @inlinable public static var byteCount: Int { 4 }

  /// 0 where the tag carries a priority only.
  public var identifier: UInt16
  /// What the frame carries behind the tag.
  public var etherType: EtherType

  /// Reads the tag at the start of `bytes`, the payload of a frame of the type ``EtherType/vlan``; nil if there are fewer than
  /// 4 bytes.
  ///
  /// - Complexity: O(1).
  @inlinable
  public init?(_ bytes: Span<UInt8>) {
    guard bytes.count >= Self.byteCount else { return nil }
    identifier = bytes.bigEndian16(at: 0) & 0x0FFF
    etherType = EtherType(rawValue: bytes.bigEndian16(at: 2))
  }
}
