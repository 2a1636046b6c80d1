internal import CleanQ
internal import Glibc
public import Logging

/// What a pipeline that runs until a signal tells its program meanwhile.
package enum RunEvent {
  /// SIGUSR1 came.
  case snapshot(PipelineReport)
  /// An interval is over.
  case interval(PipelineReport)
}

extension RunningPipeline {
  /// Waits until SIGINT or SIGTERM comes, or SIGHUP where there is nothing to reopen, or the pipeline ends by itself; stops it,
  /// and says what it did. After a second SIGINT or SIGTERM the threads have until 400 ms after the first.
  ///
  /// - Parameters:
  ///   - signals: made before the pipeline was opened.
  ///   - pending: signals that came before this was called.
  ///   - intervalMilliseconds: how often `onEvent` gets a report in any case; 0 for never.
  ///   - onEvent: called on this thread.
  package func waitUntilSignal(
    _ signals: borrowing ProcessSignals, pending: [Int32] = [], intervalMilliseconds: Int = 0,
    onEvent: (RunEvent) -> Void
  ) -> PipelineReport {
    var ending: [Int32] = []
    var firstTime: MonotonicTime?
    var pending = pending
    let interval = UInt64(max(0, intervalMilliseconds))
    var next = interval > 0 ? MonotonicTime.now.advanced(byMilliseconds: interval) : .never
    while ending.isEmpty, !control.isStopping {
      for signal in pending + signals.take() {
        switch signal {
        case SIGINT, SIGTERM: ending.append(signal)
        case SIGHUP: if canReopen { reopen() } else { ending.append(signal) }
        case SIGUSR1: onEvent(.snapshot(report()))
        default: break
        }
      }
      pending = []
      let now = MonotonicTime.now
      if !ending.isEmpty {
        firstTime = now
        break
      }
      if now >= next {
        onEvent(.interval(report()))
        // What is late is not made up for.
        next = max(next.advanced(byMilliseconds: interval), now)
      }
      let left = next == .never ? -1 : now < next ? Int((next.nanoseconds - now.nanoseconds) / 1_000_000 + 1) : 0
      signals.wait(or: control.stopFile, timeoutMilliseconds: left)
    }
    control.stop()
    var report = finish(interrupt: signals.file) {
      // Where the pipeline was about to end by itself, the first signal may come only now.
      ending += signals.take().filter { $0 == SIGINT || $0 == SIGTERM }
      if firstTime == nil, !ending.isEmpty { firstTime = .now }
      return ending.count > 1 ? firstTime?.advanced(byMilliseconds: RunControl.hurriedEndMilliseconds) : nil
    }
    if let first = ending.first { report.end = .signal(ProcessSignals.name(of: first)) }
    return report
  }

  /// The same for a program that has no use for the events: a snapshot goes to the log.
  consuming func finish(at signals: borrowing ProcessSignals, _ logger: Logger) -> PipelineReport {
    waitUntilSignal(signals) { event in
      if case .snapshot(let report) = event { logger.notice("\(report)") }
    }
  }
}
