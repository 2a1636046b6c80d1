internal import CleanQWire

/// Why a frame or packet ended in the IP layer.
package enum IPDropReason: UInt8, CaseIterable, Sendable {
  // Received: Ethernet.
  case chained
  case truncated
  case notOurMAC
  case badSourceMAC
  case unknownEtherType
  // Received: ARP.
  case badARPHardware
  case badARPProtocol
  case badARPLength
  case badARPOperation
  case arpBadSender
  case arpAddressConflict
  case arpNotForUs
  case arpUnsolicited
  // Received: IP.
  case badVersion
  case badHeaderLength
  case badTotalLength
  case badHeaderChecksum
  case notOurAddress
  case unicastInBroadcast
  case badSource
  case ttlZero
  case fragment
  case shortHeadroom
  case unknownProtocol
  // Received: ICMP.
  case badICMPChecksum
  case broadcastEcho
  case noReturnRoute
  case icmpIgnored
  // To be sent. From here on: see `isTransmit`.
  case chainedTransmit
  case noHeadroom
  case tooLong
  case foreignSource
  case noRoute
  case arpUnresolved
  /// Waited for ARP when the pipeline was stopped.
  case arpStopped
  case arpQueueFull
  case arpCacheFull
  case unknownRegion
  /// The other side of the port below has gone.
  case closedBelow

  /// How many reasons there are; a test compares.
  static let count = 39

  /// Whether it is a packet from above that was dropped.
  var isTransmit: Bool { rawValue >= Self.chainedTransmit.rawValue }

  /// The reason that goes with what a parser says.
  init(_ error: WireError) {
    switch error {
    case .truncated, .badUDPLength, .badUDPChecksum: self = .truncated
    case .badVersion: self = .badVersion
    case .badHeaderLength: self = .badHeaderLength
    case .badTotalLength: self = .badTotalLength
    case .badHeaderChecksum: self = .badHeaderChecksum
    case .badICMPChecksum: self = .badICMPChecksum
    case .badARPHardware: self = .badARPHardware
    case .badARPProtocol: self = .badARPProtocol
    case .badARPLength: self = .badARPLength
    case .badARPOperation: self = .badARPOperation
    }
  }

  /// The name in reports: kebab-case, and stable from release to release.
  package var name: String {
    switch self {
    case .chained: "chained"
    case .truncated: "truncated"
    case .notOurMAC: "not-our-mac"
    case .badSourceMAC: "bad-source-mac"
    case .unknownEtherType: "unknown-ether-type"
    case .badARPHardware: "bad-arp-hardware"
    case .badARPProtocol: "bad-arp-protocol"
    case .badARPLength: "bad-arp-length"
    case .badARPOperation: "bad-arp-operation"
    case .arpBadSender: "arp-bad-sender"
    case .arpAddressConflict: "arp-address-conflict"
    case .arpNotForUs: "arp-not-for-us"
    case .arpUnsolicited: "arp-unsolicited"
    case .badVersion: "bad-version"
    case .badHeaderLength: "bad-header-length"
    case .badTotalLength: "bad-total-length"
    case .badHeaderChecksum: "bad-header-checksum"
    case .notOurAddress: "not-our-address"
    case .unicastInBroadcast: "unicast-in-broadcast"
    case .badSource: "bad-source"
    case .ttlZero: "ttl-zero"
    case .fragment: "fragment"
    case .shortHeadroom: "short-headroom"
    case .unknownProtocol: "unknown-protocol"
    case .badICMPChecksum: "bad-icmp-checksum"
    case .broadcastEcho: "broadcast-echo"
    case .noReturnRoute: "no-return-route"
    case .icmpIgnored: "icmp-ignored"
    case .chainedTransmit: "chained-transmit"
    case .noHeadroom: "no-headroom"
    case .tooLong: "too-long"
    case .foreignSource: "foreign-source"
    case .noRoute: "no-route"
    case .arpUnresolved: "arp-unresolved"
    case .arpStopped: "arp-stopped"
    case .arpQueueFull: "arp-queue-full"
    case .arpCacheFull: "arp-cache-full"
    case .unknownRegion: "unknown-region"
    case .closedBelow: "closed"
    }
  }
}
