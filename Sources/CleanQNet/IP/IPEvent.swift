public import CleanQ
public import CleanQWire

/// What stations on the link do that somebody should know. They cause the events, so who logs them limits their rate.
public enum IPEvent: Sendable, Equatable {
  /// A neighbour came back with another Ethernet address: it was replaced, or two stations use the address, or one forges ARP.
  case neighborChanged(IPv4Address, from: MACAddress, to: MACAddress)
  /// Another station uses our address. RFC 5227 § 2.4.
  case addressConflict(IPv4Address, own: MACAddress, other: MACAddress)
}

/// Is told of each event, and when it was, on the thread that drives the port; returns soon.
public typealias IPEventHandler = @Sendable (IPEvent, MonotonicTime) -> Void
