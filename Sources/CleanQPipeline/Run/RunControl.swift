internal import CPlatform
public import CleanQ
internal import Glibc
internal import Logging
internal import Synchronization

/// What the threads of one running pipeline tell each other: go, stop, I still have work, I am at rest.
@usableFromInline
final class RunControl: Sendable {
  /// How long the loops go on after the last buffer moved, once they were told to stop: a device may still complete.
  static let quietMilliseconds: UInt64 = 5
  /// How long they go on at most.
  static let drainMilliseconds: UInt64 = 2000

  /// How far a stage's time may be behind while its loop is awake.
  @usableFromInline static let tickMilliseconds: UInt64 = 10

  private enum Gate {
    static let shut = 0
    static let open = 1
    static let abandoned = 2
  }

  /// Readable from the moment the pipeline was told to stop: wakes every sleeping loop.
  @usableFromInline let stopFile: Int32
  /// Readable when every loop is at rest for good.
  let doneFile: Int32
  private let gate = Atomic<Int>(Gate.shut)
  private let stopTime = Atomic<UInt64>(0)
  private let lastMoveTime = Atomic<UInt64>(0)
  /// How many turns of draining loops moved something.
  private let moveCount = Atomic<UInt64>(0)
  /// Per loop: the move count of which it has seen an idle turn from beginning to end.
  private let idleVotes: [IdleVote]
  private let atRest = Atomic<Int>(0)
  private let counted = Atomic<Int>(0)
  private let workerCount: Int
  private let logger: Logger

  init(workerCount: Int, _ logger: Logger) throws(StageError) {
    self.workerCount = workerCount
    self.logger = logger
    idleVotes = (0..<workerCount).map { _ in IdleVote() }
    stopFile = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    doneFile = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard stopFile >= 0, doneFile >= 0 else {
      throw StageError("pipeline", "no file descriptors left: \(systemErrorText(errno))", errno: errno)
    }
  }

  deinit {
    close(stopFile)
    close(doneFile)
  }

  /// Lets the threads go, or sends them home where not all could be started.
  func openGate(_ everyThreadStarted: Bool) {
    gate.store(everyThreadStarted ? Gate.open : Gate.abandoned, ordering: .releasing)
  }

  /// Waits for the gate. Returns whether to run.
  @usableFromInline
  func passGate() -> Bool {
    while gate.load(ordering: .acquiring) == Gate.shut { usleep(50) }
    return gate.load(ordering: .acquiring) == Gate.open
  }

  /// Asks every loop to drain and end. May be called more than once, from any thread.
  @usableFromInline
  func stop() {
    let now = MonotonicTime.now.nanoseconds
    guard stopTime.load(ordering: .relaxed) == 0 else { return }
    lastMoveTime.store(now, ordering: .relaxed)
    stopTime.store(now, ordering: .releasing)
    signal(stopFile)
  }

  /// Whether the loops were asked to drain.
  @usableFromInline
  var isStopping: Bool { stopTime.load(ordering: .relaxed) != 0 }

  /// The moves so far; asked before a draining turn, and told to ``noteTurn(of:moved:since:at:)`` after it.
  @usableFromInline
  var moves: UInt64 { moveCount.load(ordering: .acquiring) }

  /// A draining loop has made a turn.
  ///
  /// - Returns: whether draining is over. Every loop has seen an idle turn since the last move anywhere, so that nothing is
  ///   on its way between two of them, and no device has given anything back for a while; or it took too long.
  @usableFromInline
  func noteTurn(of worker: Int, moved: Bool, since moves: UInt64, at now: MonotonicTime) -> Bool {
    if moved {
      moveCount.add(1, ordering: .acquiringAndReleasing)
      lastMoveTime.store(now.nanoseconds, ordering: .relaxed)
    } else {
      idleVotes[worker].moves.store(moves, ordering: .releasing)
    }
    let start = MonotonicTime(nanoseconds: stopTime.load(ordering: .relaxed))
    if now > start.advanced(byMilliseconds: Self.drainMilliseconds) { return true }
    let quiet = MonotonicTime(nanoseconds: lastMoveTime.load(ordering: .relaxed))
    guard now > quiet.advanced(byMilliseconds: Self.quietMilliseconds) else { return false }
    let current = self.moves
    return idleVotes.allSatisfy { $0.moves.load(ordering: .acquiring) == current }
  }

  /// Waits until every loop is at rest: a census taken from here on is exact.
  @usableFromInline
  func waitUntilAllRest() { meet(atRest) }

  /// Waits until every loop has taken its census, so that no port is closed under a neighbour's.
  @usableFromInline
  func waitUntilAllCounted() {
    meet(counted)
    signal(doneFile)
  }

  /// A loop drops packets that the next port would never take.
  @usableFromInline
  func tellDrops() {
    logger.warning(
      """
      packets are dropped between two stages: their buffers are of a region that the next stage does not know, or there are \
      too many for one packet; register each region with the whole stack, down to the device and up to the application
      """)
  }

  private func meet(_ counter: borrowing Atomic<Int>) {
    // Releases what this loop did, acquires what the others did before they came here.
    counter.add(1, ordering: .acquiringAndReleasing)
    while counter.load(ordering: .acquiring) < workerCount { usleep(100) }
  }

  private func signal(_ file: Int32) {
    var one: UInt64 = 1
    // SAFETY: eight bytes of a local variable.
    _ = unsafe write(file, &one, 8)
  }
}

/// A draining loop's word that it had nothing to do.
private final class IdleVote: Sendable {
  let moves = Atomic<UInt64>(.max)
}
