internal import CleanQ
internal import CleanQPipeline
internal import Logging

/// What is said, limited in rate, of things that somebody else does to the device or that happen to its frames.
///
/// Frames are dropped on the fast path, where nothing but a counter is touched; what the counters have gained is said at the next look.
/// Thread-confined; may be sent.
struct TAPLog: Sendable {
  private let stage: String
  private let name: String
  private var link: LimitedLog
  private var mtu: LimitedLog
  private var kernelDrops: LimitedLog
  private var oversize: LimitedLog
  private var truncated: LimitedLog
  private var failures: LimitedLog
  /// What was said of already.
  private var said = TAPCounters.Drops()

  init(_ logger: Logger, stage: String, name: String) {
    self.stage = stage
    self.name = name
    link = LimitedLog(logger)
    mtu = LimitedLog(logger)
    kernelDrops = LimitedLog(logger)
    oversize = LimitedLog(logger)
    truncated = LimitedLog(logger)
    failures = LimitedLog(logger)
  }

  mutating func linkChanged(isUp: Bool, at now: MonotonicTime) {
    if isUp {
      link.log(.notice, at: now, "\(stage): \(name) is up again")
    } else {
      link.log(at: now, "\(stage): \(name) is down: no frame passes; bring it up with \"ip link set \(name) up\"")
    }
  }

  /// - Parameter room: the longest packet that the buffers hold; nil where there is none to be looked at.
  mutating func mtuChanged(from old: Int, to new: Int, room: Int?, at now: MonotonicTime) {
    guard let room, room < new else {
      mtu.log(.notice, at: now, "\(stage): the MTU of \(name) was \(old) and is \(new), from now on here too")
      return
    }
    mtu.log(
      at: now,
      "\(stage): the MTU of \(name) was \(old) and is \(new), but buffers hold packets of \(room) bytes: longer ones are dropped "
        + "(truncated); set it to \(room) at most, or start again")
  }

  mutating func kernelDropped(_ count: UInt64, at now: MonotonicTime) {
    kernelDrops.log(
      at: now,
      "\(stage): the kernel dropped \(count) frames in front of \(name), whose queue was full; make it longer with "
        + "\"ip link set \(name) txqueuelen 10000\", or give the pipeline another CPU")
  }

  /// Says which frames were dropped since the last time.
  ///
  /// - Parameter longest: the longest packet that was too long.
  mutating func dropped(_ drops: TAPCounters.Drops, mtu: Int, longest: Int, at now: MonotonicTime) {
    guard drops != said else { return }
    let before = said
    said = drops
    if drops.oversize != before.oversize {
      oversize.log(
        at: now,
        "\(stage): dropped \(drops.oversize &- before.oversize) frames longer than the MTU of \(mtu) allows (oversize); "
          + "\"ip link set \(name) mtu \(longest)\" lets them pass, or lower that of the other side")
    }
    if drops.truncated != before.truncated {
      truncated.log(
        at: now,
        "\(stage): dropped \(drops.truncated &- before.truncated) frames that no buffer holds, or that are none (truncated); "
          + "lower the MTU of \(name), or start again with the present one")
    }
    let failed = drops.failedCount &- before.failedCount
    if failed > 0 {
      failures.log(
        at: now, "\(stage): the kernel refused \(failed) frames (no-memory, invalid or io-error in the summary)")
    }
  }
}
