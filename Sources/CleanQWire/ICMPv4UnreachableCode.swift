/// Why a packet could not be delivered: the code of a destination-unreachable message. Sendable.
///
/// Source: RFC 792, "Destination Unreachable Message"; RFC 1122 § 3.2.2.1.
@frozen
public struct ICMPv4UnreachableCode: RawRepresentable, Sendable, Hashable {
  /// The number on the wire.
  public let rawValue: UInt8

  @inlinable
  public init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// 0: no route to the network.
  @inlinable public static var network: ICMPv4UnreachableCode { ICMPv4UnreachableCode(rawValue: 0) }
  /// 1: the host does not answer on its link.
  @inlinable public static var host: ICMPv4UnreachableCode { ICMPv4UnreachableCode(rawValue: 1) }
  /// 2: the host does not speak the protocol.
  @inlinable public static var `protocol`: ICMPv4UnreachableCode { ICMPv4UnreachableCode(rawValue: 2) }
  /// 3: nobody listens on the port.
  @inlinable public static var port: ICMPv4UnreachableCode { ICMPv4UnreachableCode(rawValue: 3) }
  /// 4: too large for the next link, and DF is set. Source: RFC 1191 § 4.
  @inlinable public static var fragmentationNeeded: ICMPv4UnreachableCode { ICMPv4UnreachableCode(rawValue: 4) }
}
