/// What the buffers of a port contain. Three types that are never made: they tell the compiler which stage may stand on
/// which.
public protocol Traffic: Sendable {
  static var kind: TrafficKind { get }
}

/// Names of the kinds of traffic, for texts and messages.
public enum TrafficKind: Sendable, Hashable, CaseIterable, CustomStringConvertible {
  case frame
  case packet
  case datagram

  public var description: String {
    switch self {
    case .frame: "frames"
    case .packet: "packets"
    case .datagram: "datagrams"
    }
  }
}

/// Ethernet frames: the valid part starts with the destination address and ends before the frame check sequence.
public enum Frame: Traffic {
  public static var kind: TrafficKind { .frame }
}

/// IP packets: the valid part is what the IP header carries; addresses and protocol are in the buffer's metadata.
public enum Packet: Traffic {
  public static var kind: TrafficKind { .packet }
}

/// UDP datagrams: the valid part is the payload; addresses and ports are in the buffer's metadata.
public enum Datagram: Traffic {
  public static var kind: TrafficKind { .datagram }
}
