internal import CleanQNet
internal import CleanQPipeline

/// What the numbers in the report of the stage `ip` mean.
enum IPCounts {
  static var descriptions: [CountDescription] {
    IPDropReason.allCases.map { .drop($0.name, $0.meaning) } + [
      .counter("arp-requests-received", "ARP requests for this host's address"),
      .counter("arp-replies-sent", "replies to them"),
      .counter("arp-replies-received", "ARP replies to requests of this host"),
      .counter("arp-requests-sent", "ARP requests of this host"),
      .counter("arp-requests-unsent", "ARP requests delayed because no buffer was free"),
      .counter("arp-neighbors-changed", "neighbours whose Ethernet address changed: replaced hardware, or an attack"),
      .counter("arp-neighbors-lost", "neighbours that stopped answering ARP"),
      .gauge("arp-cache-entries", "neighbours known now"),
      .counter("icmp-echo-requests-received", "pings received for this host"),
      .counter("icmp-echo-replies", "replies to them that the stage below has accepted"),
      .counter("icmp-errors-sent", "ICMP errors sent"),
      .counter("icmp-rate-limited", "ICMP errors not sent because of the limit of a thousand a second"),
    ]
  }
}
