/// The type of an ICMP message. Sendable.
///
/// Source: RFC 792, "Summary of Message Types".
@frozen
public struct ICMPv4Type: RawRepresentable, Sendable, Hashable {
  /// The number on the wire.
  public let rawValue: UInt8

  @inlinable
  public init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// 0: the answer to an echo request.
  @inlinable public static var echoReply: ICMPv4Type { ICMPv4Type(rawValue: 0) }
  /// 3: a packet could not be delivered; the code says why.
  @inlinable public static var destinationUnreachable: ICMPv4Type { ICMPv4Type(rawValue: 3) }
  /// 5: there is a better router.
  @inlinable public static var redirect: ICMPv4Type { ICMPv4Type(rawValue: 5) }
  /// 8: a ping.
  @inlinable public static var echoRequest: ICMPv4Type { ICMPv4Type(rawValue: 8) }
  /// 11: a packet's time to live, or a fragment's time for reassembly, ran out.
  @inlinable public static var timeExceeded: ICMPv4Type { ICMPv4Type(rawValue: 11) }
  /// 12: a header that makes no sense.
  @inlinable public static var parameterProblem: ICMPv4Type { ICMPv4Type(rawValue: 12) }

  /// Whether such a message is about another packet. No error message may be sent about one of these. Source: RFC
  /// 1122 § 3.2.2.
  @inlinable public var isError: Bool {
    switch rawValue {
    case 3, 4, 5, 11, 12: true
    default: false
    }
  }
}
