import CleanQ
import CleanQPipeline
import CleanQPlatform
import Glibc
import Logging
import Synchronization

/// Opens a pipeline on a thread of its own, so that a stage that waits in the kernel, for the other end of a FIFO or for a disk,
/// does not keep the command from ending when a signal comes.
final class Opening: Sendable {
  enum Result {
    /// Everything is open; the signals that came meanwhile are still to be obeyed.
    case running(RunningPipeline, pending: [Int32])
    case failed(StageError)
    /// A signal came meanwhile, and everything has been closed again.
    case cancelled(Int32)
    /// A signal came, and a stage is still not open after a second and a half, or when a second signal came.
    case stuck(Int32, stage: String)
  }

  /// What the thread has come to. Handed over once, by the thread, and then used by the waiting one alone.
  private final class Handover: @unchecked Sendable {
    var running: RunningPipeline?
    var error: StageError?
  }

  /// How long a stage may go on after the first signal.
  private static let graceMilliseconds: UInt64 = 1500

  private let stage = Mutex("pipeline")
  private let handover = Handover()
  private let isOver = Atomic<Bool>(false)
  private let over = EventFile()

  /// Starts to open.
  init(_ pipeline: Pipeline, _ logger: Logger, cancelFile: Int32) {
    let open = {
      do throws(StageError) {
        self.handover.running = try pipeline.start(logger: logger, cancelFile: cancelFile) { text in
          self.stage.withLock { $0 = text }
        }
      } catch { self.handover.error = error }
      // Pairs with the acquire in wait(_:): who sees it finds the result.
      self.isOver.store(true, ordering: .releasing)
      self.over?.signal()
    }
    if over == nil || SystemThread(name: "cleanq-open", open) == nil { open() }
  }

  /// Waits until everything is open, or a signal came that ends a pipeline.
  func wait(_ signals: borrowing ProcessSignals) -> Result {
    var ending: Int32?
    var pending: [Int32] = []
    var deadline = MonotonicTime.never
    while !isOver.load(ordering: .acquiring) {
      let now = MonotonicTime.now
      if let ending, now >= deadline { return .stuck(ending, stage: stage.withLock { $0 }) }
      let left = ending == nil ? -1 : Int((deadline.nanoseconds - now.nanoseconds) / 1_000_000 + 1)
      signals.wait(or: over?.number ?? -1, timeoutMilliseconds: left)
      for signal in signals.take() {
        pending.append(signal)
        guard [SIGINT, SIGTERM, SIGHUP].contains(signal) else { continue }
        if ending != nil, signal != SIGHUP { return .stuck(signal, stage: stage.withLock { $0 }) }
        guard ending == nil else { continue }
        ending = signal
        deadline = .now.advanced(byMilliseconds: Self.graceMilliseconds)
      }
    }
    if let running = handover.running { return .running(running, pending: pending) }
    if let ending { return .cancelled(ending) }
    return .failed(handover.error ?? .cancelled("pipeline"))
  }
}
