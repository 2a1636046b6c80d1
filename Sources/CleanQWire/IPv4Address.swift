/// A 32-bit Internet address. Sendable.
///
/// Source: RFC 791 § 3.2.
@frozen
public struct IPv4Address: Sendable, Hashable, RawRepresentable {
  /// The number of bytes on the wire.
  @inlinable public static var byteCount: Int { 4 }

  /// The address as a number in host order: 10.0.0.2 is 0x0A000002.
  public let rawValue: UInt32

  /// The address whose number, in host order, is `rawValue`.
  @inlinable
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The address a.b.c.d.
  @inlinable
  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    rawValue = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  /// The address in the four bytes of `bytes` from `offset` on.
  ///
  /// - Precondition: `offset + 4 <= bytes.count`.
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public init(_ bytes: Span<UInt8>, at offset: Int) {
    rawValue = bytes.bigEndian32(at: offset)
  }

  /// 0.0.0.0: this host on this network, before it knows its address. Source: RFC 1122 § 3.2.1.3 (a).
  @inlinable public static var unspecified: IPv4Address { IPv4Address(rawValue: 0) }

  /// 255.255.255.255. Source: RFC 1122 § 3.2.1.3 (c).
  @inlinable public static var limitedBroadcast: IPv4Address { IPv4Address(rawValue: 0xFFFF_FFFF) }

  /// Whether this is 0.0.0.0.
  @inlinable public var isUnspecified: Bool { rawValue == 0 }

  /// Whether this is 255.255.255.255: every host on this link, never forwarded.
  @inlinable public var isLimitedBroadcast: Bool { rawValue == 0xFFFF_FFFF }

  /// Whether this is in 127.0.0.0/8, which must not appear outside a host. Source: RFC 1122 § 3.2.1.3 (g).
  @inlinable public var isLoopback: Bool { rawValue >> 24 == 127 }

  /// Whether this is in 224.0.0.0/4. Source: RFC 5771 § 3.
  @inlinable public var isMulticast: Bool { rawValue >> 28 == 0xE }

  /// Whether this is in 240.0.0.0/4, reserved. 255.255.255.255 is in it too. Source: RFC 1112 § 4.
  @inlinable public var isClassE: Bool { rawValue >> 28 == 0xF }
}
