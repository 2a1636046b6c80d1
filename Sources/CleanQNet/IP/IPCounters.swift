internal import CleanQ

/// What the IP layer counts. Fixed in size.
///
/// What is sent is counted when its frame is made, and taken back by ``uncount(_:)`` where the port below never takes it.
struct IPCounters: Sendable {
  /// Packets delivered up, and their payload bytes.
  var received = StageReport.Tally()
  /// Packets taken from above, dropped ones included, and their payload bytes.
  var transmitted = StageReport.Tally()
  private var drops = [UInt64](repeating: 0, count: IPDropReason.count)

  var arpRequestsReceived: UInt64 = 0
  var arpRepliesSent: UInt64 = 0
  var arpRepliesReceived: UInt64 = 0
  var arpRequestsSent: UInt64 = 0
  /// Requests that were due and for which there was no buffer.
  var arpRequestsUnsent: UInt64 = 0
  /// Neighbours that came back with another Ethernet address.
  var arpNeighborsChanged: UInt64 = 0
  /// Neighbours that did not answer.
  var arpNeighborsLost: UInt64 = 0
  var icmpEchoRequestsReceived: UInt64 = 0
  var icmpEchoReplies: UInt64 = 0
  /// Also those that the layer above has made.
  var icmpErrorsSent: UInt64 = 0
  var icmpRateLimited: UInt64 = 0

  mutating func count(_ reason: IPDropReason) { drops[Int(reason.rawValue)] &+= 1 }

  subscript(_ reason: IPDropReason) -> UInt64 { drops[Int(reason.rawValue)] }

  /// Received frames that ended here without being dropped or delivered.
  var consumed: UInt64 { arpRequestsReceived &+ arpRepliesReceived &+ icmpEchoRequestsReceived }

  func report(cacheEntryCount: Int) -> StageReport {
    var report = StageReport("ip")
    report.received = received
    report.transmitted = transmitted
    for reason in IPDropReason.allCases where self[reason] > 0 {
      report.drops.append(StageReport.Count(reason.name, self[reason]))
    }
    report.counters = [
      StageReport.Count("arp-requests-received", arpRequestsReceived),
      StageReport.Count("arp-replies-sent", arpRepliesSent),
      StageReport.Count("arp-replies-received", arpRepliesReceived),
      StageReport.Count("arp-requests-sent", arpRequestsSent),
      StageReport.Count("arp-requests-unsent", arpRequestsUnsent),
      StageReport.Count("arp-neighbors-changed", arpNeighborsChanged),
      StageReport.Count("arp-neighbors-lost", arpNeighborsLost),
      StageReport.Count("icmp-echo-requests-received", icmpEchoRequestsReceived),
      StageReport.Count("icmp-echo-replies", icmpEchoReplies),
      StageReport.Count("icmp-errors-sent", icmpErrorsSent),
      StageReport.Count("icmp-rate-limited", icmpRateLimited),
    ]
    report.gauges = [StageReport.Count("arp-cache-entries", UInt64(cacheEntryCount))]
    return report
  }
}
