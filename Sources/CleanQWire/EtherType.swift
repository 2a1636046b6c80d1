/// What an Ethernet frame carries. Sendable.
///
/// Source: IEEE 802.3-2018 § 3.2.6; the numbers are IANA's "IEEE 802 Numbers".
@frozen
public struct EtherType: RawRepresentable, Sendable, Hashable {
  /// The number on the wire, in host order.
  public let rawValue: UInt16

  @inlinable
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// 0x0800. Source: RFC 894.
  @inlinable public static var ipv4: EtherType { EtherType(rawValue: 0x0800) }
  /// 0x0806. Source: RFC 826.
  @inlinable public static var arp: EtherType { EtherType(rawValue: 0x0806) }
  /// 0x8100, a VLAN tag. Source: IEEE 802.1Q § 9.6.
  @inlinable public static var vlan: EtherType { EtherType(rawValue: 0x8100) }
  /// 0x86DD. Source: RFC 2464 § 3.
  @inlinable public static var ipv6: EtherType { EtherType(rawValue: 0x86DD) }

  /// Whether the field is no type but the length of an IEEE 802.3 frame. Source: IEEE 802.3-2018 § 3.2.6.
  @inlinable public var isLength: Bool { rawValue <= 1500 }
}

extension EtherType: CustomStringConvertible {
  /// The name of a known type, or the number in hexadecimal: `0x88cc`.
  public var description: String {
    switch self {
    case .ipv4: "ipv4"
    case .arp: "arp"
    case .vlan: "vlan"
    case .ipv6: "ipv6"
    default: "0x" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
    }
  }

  private var hexadecimal: String { String(rawValue, radix: 16) }
}
