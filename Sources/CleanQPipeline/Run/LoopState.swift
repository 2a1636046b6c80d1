internal import CPlatform
internal import CleanQ
internal import CleanQPlatform
internal import Glibc
internal import Synchronization

/// What one loop of a running pipeline tells the others and those who ask how it does. Sendable.
final class LoopState: Sendable {
  /// How far the loop is.
  enum Phase: Int {
    /// It moves packets, or drains.
    case turning
    /// It has drained, and waits for the others.
    case atRest
    /// It has counted everything, and closes its ports.
    case closing
    /// Its thread is over.
    case over
  }

  /// While the pipeline drains: the move count of which the loop has seen an idle turn from beginning to end.
  let idleMoves = Atomic<UInt64>(.max)
  /// Wakes the loop when a report is wanted.
  let wake: EventFile
  /// The latest request for a report that the loop has answered.
  private let answered = Atomic<UInt64>(0)
  private let reached = Atomic<Int>(Phase.turning.rawValue)
  /// The number by which the system knows the loop's thread; 0 before it runs.
  private let thread = Atomic<Int32>(0)
  private let latest = Mutex(WorkerOutcome())

  init() throws(StageError) {
    guard let wake = EventFile() else {
      throw StageError("pipeline", "no file descriptors left: \(systemErrorText(errno))", errno: errno)
    }
    self.wake = wake
  }

  var threadNumber: Int32 { thread.load(ordering: .acquiring) }

  /// To be called on the loop's thread.
  func noteThread() { thread.store(cplatform_thread_number(), ordering: .releasing) }

  var phase: Phase {
    get { Phase(rawValue: reached.load(ordering: .acquiring)) ?? .turning }
    set { reached.store(newValue.rawValue, ordering: .releasing) }
  }

  /// What the loop said last: when it was asked, when it had drained, when all had.
  var outcome: WorkerOutcome {
    get { latest.withLock { $0 } }
    set { latest.withLock { $0 = newValue } }
  }

  /// The loop's answer to a request.
  func answer(_ request: UInt64, _ outcome: WorkerOutcome) {
    EventFile.clear(wake.number)
    self.outcome = outcome
    // Pairs with the acquire in hasAnswered: who sees the answer finds the outcome.
    answered.store(request, ordering: .releasing)
  }

  func hasAnswered(_ request: UInt64) -> Bool { answered.load(ordering: .acquiring) >= request }
}
