internal import CleanQWire

/// Why a datagram ended in the UDP layer.
package enum UDPDrop: Int, CaseIterable, Sendable {
  case truncated
  case badLength
  case badChecksum
  case closedPort
  case notUDP
  case chained
  case noHeadroom
  case tooLong
  case unknownRegion
  /// The other side of the port below has gone.
  case closedBelow

  init(_ error: WireError) {
    switch error {
    case .badUDPLength: self = .badLength
    case .badUDPChecksum: self = .badChecksum
    default: self = .truncated
    }
  }

  package var name: String {
    switch self {
    case .truncated: "truncated"
    case .badLength: "bad-udp-length"
    case .badChecksum: "bad-udp-checksum"
    case .closedPort: "closed-port"
    case .notUDP: "not-udp"
    case .chained: "chained"
    case .noHeadroom: "no-headroom"
    case .tooLong: "too-long"
    case .unknownRegion: "unknown-region"
    case .closedBelow: "closed"
    }
  }
}
