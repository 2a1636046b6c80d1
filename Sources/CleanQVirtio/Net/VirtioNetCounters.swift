internal import CleanQ

/// What one queue pair counts.
struct VirtioNetCounters: Sendable {
  var received = StageReport.Tally()
  var transmitted = StageReport.Tally()
  /// Received packets too short for their headers, and packets to be sent that the capture they come from cut short.
  var truncated: UInt64 = 0
  /// Received packets that claim to fill no buffer, or more than a burst.
  var badBufferCount: UInt64 = 0
  /// Received packets whose checksum was to be completed outside of them.
  var badChecksumPlace: UInt64 = 0
  /// Packets that could not be sent, or that were with the device, when it was gone.
  var deviceGone: UInt64 = 0
  /// Received packets whose checksum was completed here.
  var completedChecksums: UInt64 = 0
  /// Times that the device was lost, and times that it was found again.
  var losses: UInt64 = 0
  var returns: UInt64 = 0
  /// Times that it was there and could not be used.
  var failedJoins: UInt64 = 0
  /// Of queues that are gone: their lies and their notifications.
  var pastFaults = VirtqueueFaults()
  var pastKicks: UInt64 = 0

  func report(_ name: String, faults: VirtqueueFaults, kickCount: UInt64) -> StageReport {
    var report = StageReport(name)
    report.received = received
    report.transmitted = transmitted
    var all = pastFaults
    all.add(faults)
    report.drops = [
      .init("truncated", truncated), .init("bad-buffer-count", badBufferCount),
      .init("bad-checksum-place", badChecksumPlace), .init("device-gone", deviceGone),
    ].filter { $0.value > 0 }
    report.drops += all.drops
    report.counters = [.init("kicks", pastKicks &+ kickCount)]
    report.counters += [
      .init("completed-checksums", completedChecksums), .init("device-losses", losses),
      .init("device-returns", returns), .init("failed-joins", failedJoins),
    ].filter { $0.value > 0 }
    report.counters += all.counters
    return report
  }
}
