internal import CleanQWire

/// The room, in bytes, that layers need in front of what is given to them to be sent, for headers.
public enum Headroom {
  /// In front of an IP packet's payload that is given to an ``IPPort``.
  public static let packet = ICMPError.headroom
  /// In front of a datagram's payload that is given to a ``UDPPort``.
  public static let datagram = UDPHeader.byteCount + packet
}
