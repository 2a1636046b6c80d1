internal import CPcap
public import CleanQ

/// What a capture's records start with.
public enum LinkType: Sendable, Hashable {
  /// Ethernet frames: DLT_EN10MB, 1 in files.
  case ethernet
  /// IP packets: DLT_RAW, LINKTYPE_RAW, 101 in files.
  case raw

  /// What traffic of a kind is captured as.
  public init(_ kind: TrafficKind) { self = kind == .frame ? .ethernet : .raw }

  /// libpcap's number, which for raw IP is not the one in files.
  var dlt: Int32 {
    switch self {
    case .ethernet: DLT_EN10MB
    case .raw: DLT_RAW
    }
  }

  /// The number in files. Source: tcpdump.org/linktypes.html.
  var fileNumber: UInt32 {
    switch self {
    case .ethernet: 1
    case .raw: 101
    }
  }

  /// What libpcap calls a link type: `EN10MB`.
  static func name(dlt: Int32) -> String {
    // SAFETY: libpcap returns a constant string or nil; it is copied at once.
    guard let name = unsafe pcap_datalink_val_to_name(dlt) else { return "\(dlt)" }
    return unsafe String(cString: name)
  }
}
