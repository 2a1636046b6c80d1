/// What an IP packet carries. Sendable.
///
/// Source: RFC 791 § 3.1, "Protocol"; the numbers are IANA's "Protocol Numbers".
@frozen
public struct IPProtocol: RawRepresentable, Sendable, Hashable {
  /// The number on the wire.
  public let rawValue: UInt8

  @inlinable
  public init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// 1. Source: RFC 792.
  @inlinable public static var icmp: IPProtocol { IPProtocol(rawValue: 1) }
  /// 2. Source: RFC 2236 § 2.
  @inlinable public static var igmp: IPProtocol { IPProtocol(rawValue: 2) }
  /// 6. Source: RFC 9293 § 3.9.2.
  @inlinable public static var tcp: IPProtocol { IPProtocol(rawValue: 6) }
  /// 17. Source: RFC 768, "Protocol Application".
  @inlinable public static var udp: IPProtocol { IPProtocol(rawValue: 17) }
}

extension IPProtocol: CustomStringConvertible {
  /// The name of a known protocol, or its number.
  public var description: String {
    switch self {
    case .icmp: "icmp"
    case .igmp: "igmp"
    case .tcp: "tcp"
    case .udp: "udp"
    default: String(rawValue)
    }
  }
}
