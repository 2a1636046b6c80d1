public import CleanQ
internal import Glibc

/// What the port counts.
struct TAPCounters: Sendable {
  /// Frames that ended here, by reason.
  struct Drops: Sendable, Equatable {
    /// Longer than the link allows.
    var oversize: UInt64 = 0
    /// Longer than the buffer, shorter than an Ethernet header, or cut short by the capture that it comes from.
    var truncated: UInt64 = 0
    /// Written while the kernel's side was down.
    var linkDown: UInt64 = 0
    /// Written after the device was removed.
    var deviceGone: UInt64 = 0
    /// The kernel had no memory for it.
    var noMemory: UInt64 = 0
    /// The kernel did not like the frame.
    var invalid: UInt64 = 0
    /// In memory that a peer took away, which is replaced then.
    var memoryLost: UInt64 = 0
    /// Any other error.
    var ioError: UInt64 = 0

    mutating func count(writeError number: Int32, frames: Int) {
      let count = UInt64(truncatingIfNeeded: frames)
      switch number {
      case EIO, ENETDOWN: linkDown &+= count
      case ENOMEM, ENOBUFS, EAGAIN: noMemory &+= count
      case EINVAL, EMSGSIZE: invalid &+= count
      case EFAULT: memoryLost &+= count
      default: if TAPCounters.meansGone(number) { deviceGone &+= count } else { ioError &+= count }
      }
    }

    /// Frames that the kernel refused for a reason that is said nowhere else.
    var failedCount: UInt64 { noMemory &+ invalid &+ ioError }

    var counts: [StageReport.Count] {
      [
        .init("oversize", oversize), .init("truncated", truncated), .init("link-down", linkDown),
        .init("device-gone", deviceGone), .init("no-memory", noMemory), .init("invalid", invalid),
        .init("memory-lost", memoryLost), .init("io-error", ioError),
      ].filter { $0.value > 0 }
    }
  }

  var received = StageReport.Tally()
  var transmitted = StageReport.Tally()
  var drops = Drops()
  /// Reads that found no frame: what it costs not to know how many there are.
  var emptyReadCount: UInt64 = 0
  /// Frames that went to the kernel as a part of one.
  var joinedCount: UInt64 = 0
  /// How often the kernel's side went down, and its MTU became another.
  var linkDownCount: UInt64 = 0
  var mtuChangeCount: UInt64 = 0
  /// Frames that the kernel dropped in front of the device; nil where that cannot be known.
  var kernelDropCount: UInt64?
  /// The packet in the longest frame that was too long, its Ethernet header apart.
  var longestOversizeByteCount = 0
  /// Why nothing comes from the device any more.
  var failure: String?

  /// Counts a frame that is longer than the link allows.
  mutating func countOversize(byteCount: Int) {
    drops.oversize &+= 1
    longestOversizeByteCount = max(longestOversizeByteCount, byteCount &- TAPPort.headerByteCount)
  }

  /// Whether an error says that the device was removed.
  static func meansGone(_ number: Int32) -> Bool {
    number == EBADFD || number == ENODEV || number == ENXIO || number == EBADF
  }
}

extension TAPPort {
  public func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = table.byteCount
    receiving.store.add(to: &report.accounts)
    transmitting.store.add(to: &report.accounts)
    var own = StageReport("tap")
    own.received = counters.received
    own.transmitted = counters.transmitted
    own.drops = counters.drops.counts
    own.failure = counters.failure
    own.counters = [
      .init("io-enters", batch.systemCallCount), .init("empty-reads", counters.emptyReadCount),
      .init("mtu-changes", counters.mtuChangeCount), .init("link-downs", counters.linkDownCount),
    ]
    own.gauges = [.init("uring", transport.isUring ? 1 : 0)]
    if let count = counters.kernelDropCount { own.counters.append(.init("kernel-drops", count)) }
    if takesTrains { own.counters.append(.init("joined", counters.joinedCount)) }
    if batch.unexpectedAnswerCount > 0 {
      own.counters.append(.init("unexpected-answers", batch.unexpectedAnswerCount))
    }
    report.stages.append(own)
  }
}
