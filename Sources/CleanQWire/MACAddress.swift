/// A 48-bit Ethernet address. Sendable.
///
/// Source: IEEE 802-2014 § 8.2.
@frozen
public struct MACAddress: Sendable, Hashable {
  /// The number of bytes on the wire.
  @inlinable public static var byteCount: Int { 6 }

  /// The address as a number whose low 48 bits are the six octets, the first on the wire highest. The high 16 bits
  /// are 0.
  public let rawValue: UInt64

  /// The address in the low 48 bits of `rawValue`; the high 16 bits are ignored.
  @inlinable
  public init(rawValue: UInt64) {
    self.rawValue = rawValue & 0xFFFF_FFFF_FFFF
  }

  /// The address whose octets are given in the order of the wire.
  @inlinable
  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8) {
    let high = UInt64(a) << 40 | UInt64(b) << 32 | UInt64(c) << 24
    rawValue = high | UInt64(d) << 16 | UInt64(e) << 8 | UInt64(f)
  }

  /// The address in the six bytes of `bytes` from `offset` on.
  ///
  /// - Precondition: `offset + 6 <= bytes.count`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public init(_ bytes: Span<UInt8>, at offset: Int) {
    rawValue = UInt64(bytes.bigEndian32(at: offset)) << 16 | UInt64(bytes.bigEndian16(at: offset &+ 4))
  }

  /// Writes the six bytes of the address at `offset`.
  ///
  /// - Precondition: `offset + 6 <= bytes.count`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func emit(into bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.storeBigEndian(UInt32(truncatingIfNeeded: rawValue >> 16), at: offset)
    bytes.storeBigEndian(UInt16(truncatingIfNeeded: rawValue), at: offset &+ 4)
  }

  /// All ones: every station on the link.
  @inlinable public static var broadcast: MACAddress { MACAddress(rawValue: 0xFFFF_FFFF_FFFF) }

  /// All zeros: nobody. ARP requests carry it where the answer will be.
  @inlinable public static var zero: MACAddress { MACAddress(rawValue: 0) }

  /// Whether this is ff:ff:ff:ff:ff:ff.
  @inlinable public var isBroadcast: Bool { rawValue == 0xFFFF_FFFF_FFFF }

  /// Whether the I/G bit is set: a group of stations. Broadcast is such a group.
  @inlinable public var isMulticast: Bool { rawValue >> 40 & 1 == 1 }

  /// Whether the U/L bit is set: chosen by software, not by the maker of the card.
  @inlinable public var isLocallyAdministered: Bool { rawValue >> 41 & 1 == 1 }

  /// Whether this can be the address of one station: not a group, not all zeros.
  @inlinable public var isUnicast: Bool { !isMulticast && rawValue != 0 }
}
