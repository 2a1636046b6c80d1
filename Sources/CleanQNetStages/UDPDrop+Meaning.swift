internal import CleanQNet
internal import CleanQPipeline

extension UDPDrop {
  /// What it means and what to do, for the person who reads the summary.
  var meaning: String {
    switch self {
    case .truncated: "datagram shorter than a UDP header; the sender is broken"
    case .badLength: "UDP length beyond the packet or below 8; the sender is broken"
    case .badChecksum:
      "UDP checksum that does not match; the link corrupts packets, or the sender relies on checksum offload"
    case .closedPort:
      "datagram for a port that is not open; answered with port unreachable; open the port with udp(PORT)"
    case .notUDP: "packet of another protocol; the stage below should not pass it"
    case .chained: "datagram in several buffers; udp requires a single buffer"
    case .noHeadroom:
      "datagram to send without room for headers, or in a buffer under 512 bytes; the stage above must leave headroom"
    case .unknownRegion: "packet of a region that is not registered any more; a stage is broken"
    case .closedBelow: "packet for a device or thread that has ended"
    case .tooLong: "datagram to send longer than the MTU allows; send less, or raise the MTU of the device"
    }
  }

  /// What the numbers in the stage's report mean.
  static var descriptions: [CountDescription] {
    allCases.map { .drop($0.name, $0.meaning) } + [
      .counter("icmp-errors-made", "port unreachable messages created; the stage below counts those that it sends"),
      .counter("icmp-rate-limited", "port unreachable messages not sent because of the limit of a thousand a second"),
    ]
  }
}
