public import CleanQ
public import CleanQWire

/// What an echo service must not answer, so that no forged packet makes it an amplifier or one side of a loop.
///
/// - Anything that was sent to a broadcast or multicast address, of the link or of IP: one packet would be answered by every
///   host that hears it (RFC 1122 § 3.2.2.6; CERT CA-1998-01).
/// - Datagrams from source port 0, which means that no answer is expected (RFC 768, "Source Port").
/// - Datagrams from the port of another service, which may answer each answer (CERT CA-1996-01): every port below 1024, as
///   OpenBSD's inetd does; ``registeredServices``; and the ports that this host has open itself.
///
/// Frames and packets are only judged by their destination: echo does not look at ports in them.
///
/// Sendable.
@frozen
public struct EchoGuard: Sendable {
  /// UDP services that answer anyone and have ports of 1024 and above: WINS, MS SQL, L2TP, SSDP, NFS, STUN, WS-Discovery,
  /// IPsec NAT traversal, SIP, mDNS, LLMNR, CoAP, Ubiquiti discovery, memcached, game servers. None is in the range from
  /// which Linux takes the ports of clients (32768 to 60999).
  public static let registeredServices: [UInt16] = [
    1434, 1512, 1645, 1646, 1701, 1812, 1813, 1900, 2049, 3478, 3702, 4500, 5060, 5353, 5355, 5683, 10001, 11211, 27015,
    27960,
  ]

  /// Source ports that are not answered.
  @usableFromInline let refusedPorts: PortSet
  /// Those that this host has open.
  @usableFromInline let ownPorts: PortSet
  @usableFromInline let answersServices: Bool

  /// - Parameters:
  ///   - answersServices: whether datagrams from ports of services, and from this host's own, are answered all the same.
  ///   - ownPorts: the ports that this host has open. May change while the guard is in use.
  public init(answersServices: Bool = false, ownPorts: PortSet = []) {
    self.ownPorts = ownPorts
    self.answersServices = answersServices
    let services = Array(1..<1024) + Self.registeredServices
    refusedPorts = PortSet(answersServices ? [0] : [0] + services)
  }

  /// Makes a received packet one that goes back to its sender, where it may be answered. What was judged is what is sent: a
  /// frame's addresses are read once.
  ///
  /// - Returns: false, with nothing changed, where it may not, or is too short to have addresses.
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  func turn<Unit: Traffic>(_ buffer: inout Buffer, as unit: Unit.Type) -> Bool {
    if Unit.kind == .frame { return turnFrame(&buffer) }
    guard buffer.hasMetadata else { return false }
    // SAFETY: it has metadata.
    let line = unsafe MetadataWords(buffer)
    let (marks, addresses) = unsafe (line.marks, line.addresses)
    guard marks & MetadataMarks.broadcast == 0 else { return false }
    if Unit.kind == .datagram {
      let ports = unsafe line.ports
      let port = UInt16(truncatingIfNeeded: ports).byteSwapped
      guard !refusedPorts.contains(port), answersServices || !ownPorts.contains(port) else { return false }
      unsafe line.ports = ports << 16 | ports >> 16
    } else {
      let number = IPProtocol(rawValue: UInt8(truncatingIfNeeded: marks >> 8))
      unsafe line.setOutgoing(MetadataMarks.ipv4(hops: 64, number))
    }
    unsafe line.addresses = addresses << 32 | addresses >> 32
    return true
  }

  /// Swaps the two addresses of a frame, where it was sent to one station.
  @inlinable
  @inline(__always)
  func turnFrame(_ buffer: inout Buffer) -> Bool {
    guard buffer.validByteCount >= EthernetAddresses.byteCount else { return false }
    var bytes = buffer.mutableBytes
    let addresses = EthernetAddresses(bytes.span)
    guard !addresses.isToGroup else { return false }
    addresses.swapped.store(into: &bytes)
    return true
  }

  /// Why a packet is not answered. For those that ``turn(_:as:)`` refuses.
  func reason<Unit: Traffic>(_ buffer: borrowing Buffer, as unit: Unit.Type) -> EchoDrop {
    if Unit.kind == .frame {
      guard buffer.validByteCount >= EthernetAddresses.byteCount else { return .truncated }
      return EthernetAddresses(buffer.bytes).isToGroup ? .broadcast : .truncated
    }
    guard buffer.hasMetadata else { return .truncated }
    if buffer.packetMetadata.isBroadcast { return .broadcast }
    guard Unit.kind == .datagram else { return .truncated }
    let port = buffer.datagramMetadata.sourcePort
    if port == 0 { return .zeroSourcePort }
    if ownPorts.contains(port) { return .ownSourcePort }
    return refusedPorts.contains(port) ? .serviceSourcePort : .truncated
  }
}

/// Why a packet was not echoed.
package enum EchoDrop: Int, CaseIterable {
  case truncated
  case broadcast
  case zeroSourcePort
  case serviceSourcePort
  case ownSourcePort

  package var name: String {
    switch self {
    case .truncated: "truncated"
    case .broadcast: "broadcast"
    case .zeroSourcePort: "zero-source-port"
    case .serviceSourcePort: "service-source-port"
    case .ownSourcePort: "own-source-port"
    }
  }
}
