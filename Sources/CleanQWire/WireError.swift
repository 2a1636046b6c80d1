/// Why bytes from the network were refused.
///
/// Each parser gives the first reason that it meets. The raw values are contiguous from 0, so that an array of
/// `allCases.count` counters can be indexed with them. Sendable.
@frozen
public enum WireError: UInt8, Error, Sendable, Equatable, Hashable, CaseIterable {
  /// Fewer bytes than the header needs, or than its length fields say that there are.
  case truncated
  /// An IP version other than 4. Source: RFC 791 § 3.1.
  case badVersion
  /// An IHL below 5 words. Source: RFC 791 § 3.1.
  case badHeaderLength
  /// An IP total length that is less than the header's. Source: RFC 791 § 3.1.
  case badTotalLength
  /// An IP header whose checksum is wrong. Source: RFC 791 § 3.1.
  case badHeaderChecksum
  /// A UDP length below 8, or above what the IP packet carries. Source: RFC 768, "Length".
  case badUDPLength
  /// A UDP checksum that is present and wrong. Source: RFC 768, "Checksum".
  case badUDPChecksum
  /// An ICMP message whose checksum is wrong. Source: RFC 792.
  case badICMPChecksum
  /// An ARP hardware type other than Ethernet. Source: RFC 826, "Packet Generation"; RFC 1700, "ar$hrd" 1.
  case badARPHardware
  /// An ARP protocol type other than IPv4. Source: RFC 826, "ar$pro".
  case badARPProtocol
  /// ARP address lengths other than 6 and 4. Source: RFC 826, "ar$hln" and "ar$pln".
  case badARPLength
  /// An ARP operation that is neither request nor reply. Source: RFC 826, "ar$op".
  case badARPOperation

  /// The name of the counter that goes with this reason: kebab-case, and stable from release to release.
  ///
  /// - Complexity: O(1), no allocation.
  public var name: String {
    switch self {
    case .truncated: "truncated"
    case .badVersion: "bad-version"
    case .badHeaderLength: "bad-header-length"
    case .badTotalLength: "bad-total-length"
    case .badHeaderChecksum: "bad-header-checksum"
    case .badUDPLength: "bad-udp-length"
    case .badUDPChecksum: "bad-udp-checksum"
    case .badICMPChecksum: "bad-icmp-checksum"
    case .badARPHardware: "bad-arp-hardware"
    case .badARPProtocol: "bad-arp-protocol"
    case .badARPLength: "bad-arp-length"
    case .badARPOperation: "bad-arp-operation"
    }
  }
}

extension WireError: CustomStringConvertible {
  public var description: String { name }
}
