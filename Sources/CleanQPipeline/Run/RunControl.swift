internal import CPlatform
public import CleanQ
internal import CleanQPlatform
internal import Glibc
internal import Logging
internal import Synchronization

/// What the threads of one running pipeline tell each other: go, report, stop, I still have work, I am at rest.
@usableFromInline
final class RunControl: Sendable {
  /// How long the loops go on after the last buffer moved, once they were told to stop: a device may still complete.
  static let quietMilliseconds: UInt64 = 5
  /// How long they go on at most.
  static let drainMilliseconds: UInt64 = 700
  /// How long a loop at rest waits for the others before it says what it has done.
  static let restMilliseconds: UInt64 = 200
  /// How long all threads may take to end, once they were told to.
  static let endMilliseconds: UInt64 = 1500
  /// How long they may take from the first signal on where a second came: as long as an orderly end takes, for who sends one signal
  /// twice, as timeout(1) does.
  package static let hurriedEndMilliseconds: UInt64 = 400
  /// How long a loop may take to answer a request for a report.
  static let answerMilliseconds: UInt64 = 500

  /// How far a stage's time may be behind while its loop is awake.
  @usableFromInline static let tickMilliseconds: UInt64 = 10

  private enum Gate {
    static let shut = 0
    static let open = 1
    static let abandoned = 2
  }

  /// In ``requests``: the pipeline is to stop.
  private static let stopBit: UInt64 = 1 << 63

  /// How long a loop without work spins before it sleeps, at most.
  @usableFromInline let spinNanoseconds: UInt64
  /// Readable from the moment the pipeline was told to stop: wakes every sleeping loop.
  @usableFromInline let stopFile: Int32
  /// Readable when every loop is at rest for good.
  let doneFile: Int32
  private let gate = Atomic<Int>(Gate.shut)
  /// What the loops were asked for: the number of reports, and the stop bit.
  private let wanted = Atomic<UInt64>(0)
  private let stopTime = Atomic<UInt64>(0)
  /// Whether a port's end stopped the pipeline.
  private let exhausted = Atomic<Bool>(false)
  private let lastMoveTime = Atomic<UInt64>(0)
  /// How many turns of draining loops moved something.
  private let moveCount = Atomic<UInt64>(0)
  let loops: [LoopState]
  private let atRest = Atomic<Int>(0)
  private let counted = Atomic<Int>(0)
  private let over = Atomic<Int>(0)
  /// Readable when every thread is over.
  private let overFile: EventFile
  private let logger: Logger

  init(workerCount: Int, spinNanoseconds: UInt64, _ logger: Logger) throws(StageError) {
    self.logger = logger
    self.spinNanoseconds = spinNanoseconds
    var loops: [LoopState] = []
    for _ in 0..<workerCount { loops.append(try LoopState()) }
    self.loops = loops
    guard let overFile = EventFile() else {
      throw StageError("pipeline", "no file descriptors left: \(systemErrorText(errno))", errno: errno)
    }
    self.overFile = overFile
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
  func passGate(_ loop: Int) -> Bool {
    loops[loop].noteThread()
    while gate.load(ordering: .acquiring) == Gate.shut { usleep(50) }
    return gate.load(ordering: .acquiring) == Gate.open
  }

  /// Changes whenever a loop is to report or to stop: one relaxed load per turn is all that asking costs.
  @usableFromInline
  var requests: UInt64 { wanted.load(ordering: .relaxed) }

  /// Asks every loop to drain and end. May be called more than once, from any thread.
  func stop() {
    let now = MonotonicTime.now.nanoseconds
    guard stopTime.compareExchange(expected: 0, desired: now, ordering: .acquiringAndReleasing).exchanged else {
      return
    }
    lastMoveTime.store(now, ordering: .relaxed)
    // Pairs with the acquire in isStopping: who sees the bit knows the times.
    wanted.bitwiseOr(Self.stopBit, ordering: .acquiringAndReleasing)
    signal(stopFile)
  }

  /// The same, since a port of a loop has come to its end.
  @usableFromInline
  func stopExhausted() {
    exhausted.store(true, ordering: .releasing)
    stop()
  }

  /// Whether the loops were asked to drain.
  @usableFromInline
  var isStopping: Bool { wanted.load(ordering: .acquiring) & Self.stopBit != 0 }

  /// Whether a port's end stopped the pipeline.
  var isExhausted: Bool { exhausted.load(ordering: .acquiring) }

  /// The moves so far; asked before a draining turn, and told to ``noteTurn(of:moved:since:at:)`` after it.
  @usableFromInline
  var moves: UInt64 { moveCount.load(ordering: .acquiring) }

  /// A draining loop has made a turn.
  ///
  /// - Returns: whether draining is over. Every loop has seen an idle turn since the last move anywhere, so that nothing is
  ///   on its way between two of them, and no device has given anything back for a while; or it took too long.
  @usableFromInline
  func noteTurn(of loop: Int, moved: Bool, since moves: UInt64, at now: MonotonicTime) -> Bool {
    if moved {
      moveCount.add(1, ordering: .acquiringAndReleasing)
      lastMoveTime.store(now.nanoseconds, ordering: .relaxed)
    } else {
      loops[loop].idleMoves.store(moves, ordering: .releasing)
    }
    let start = MonotonicTime(nanoseconds: stopTime.load(ordering: .relaxed))
    if now > start.advanced(byMilliseconds: Self.drainMilliseconds) { return true }
    let quiet = MonotonicTime(nanoseconds: lastMoveTime.load(ordering: .relaxed))
    guard now > quiet.advanced(byMilliseconds: Self.quietMilliseconds) else { return false }
    let current = self.moves
    return loops.allSatisfy { $0.idleMoves.load(ordering: .acquiring) == current }
  }

  /// The file that wakes a sleeping loop when a report is wanted.
  @usableFromInline
  func wakeFile(of loop: Int) -> Int32 { loops[loop].wake.number }

  /// A loop's answer to what ``requests`` asks for.
  @usableFromInline
  func answer(of loop: Int, _ request: UInt64, _ outcome: WorkerOutcome) { loops[loop].answer(request, outcome) }

  /// What a loop has done, for those who ask after its end, or while it does not come to one.
  @usableFromInline
  func publish(_ outcome: WorkerOutcome, of loop: Int) { loops[loop].outcome = outcome }

  /// Says that a loop is at rest, and waits until every loop is: accounts taken from then on is exact.
  ///
  /// - Returns: false where one takes longer than it should. The loop then says what it has done, and goes on waiting.
  @usableFromInline
  func waitUntilAllRest(_ loop: Int) -> Bool {
    loops[loop].phase = .atRest
    // Releases what this loop did; pairs with the acquire in all(_:within:).
    atRest.add(1, ordering: .acquiringAndReleasing)
    return all(atRest, withinMilliseconds: Self.restMilliseconds)
  }

  /// Goes on waiting until every loop is at rest. Meanwhile a loop is stuck, for seconds or for good; what its neighbours have
  /// open stays open until it comes back.
  @usableFromInline
  func waitForNeighbours() { while !all(atRest, withinMilliseconds: 1000) {} }

  /// Waits until every loop has taken its accounts, so that no port is closed under a neighbour's.
  @usableFromInline
  func waitUntilAllCounted(_ loop: Int) {
    counted.add(1, ordering: .acquiringAndReleasing)
    while !all(counted, withinMilliseconds: 1000) {}
    loops[loop].phase = .closing
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

  /// A loop's ports are closed, and its thread ends.
  func noteEnd(of loop: Int) {
    loops[loop].phase = .over
    if over.add(1, ordering: .acquiringAndReleasing).newValue == loops.count { overFile.signal() }
  }

  /// Waits a while until all loops have come to some point. The first milliseconds are watched closely.
  private func all(_ counter: borrowing Atomic<Int>, withinMilliseconds limit: UInt64) -> Bool {
    let start = MonotonicTime.now
    while counter.load(ordering: .acquiring) < loops.count {
      let now = MonotonicTime.now
      if now > start.advanced(byMilliseconds: limit) { return false }
      usleep(now < start.advanced(byMilliseconds: 50) ? 100 : 5000)
    }
    return true
  }

  private func signal(_ file: Int32) {
    var one: UInt64 = 1
    // SAFETY: eight bytes of a local variable.
    _ = unsafe write(file, &one, 8)
  }
}

extension RunControl {
  /// Asks every loop for a report, and waits a bounded time for the answers.
  ///
  /// - Returns: the loops that did not answer.
  func requestReports() -> [Int] {
    let request = wanted.add(1, ordering: .acquiringAndReleasing).newValue & ~Self.stopBit
    for loop in loops { loop.wake.signal() }
    let deadline = MonotonicTime.now.advanced(byMilliseconds: Self.answerMilliseconds)
    while true {
      // A loop that has ended needs no question: it has said all that it has to say.
      let missing = loops.indices.filter { !loops[$0].hasAnswered(request) && loops[$0].phase == .turning }
      if missing.isEmpty || isStopping || MonotonicTime.now > deadline { return isStopping ? [] : missing }
      usleep(200)
    }
  }

  /// Waits until the pipeline is to stop, for any reason.
  func waitUntilStopping() {
    while !isStopping {
      var file = pollfd(fd: stopFile, events: Int16(POLLIN), revents: 0)
      // SAFETY: one local variable.
      _ = unsafe poll(&file, 1, -1)
    }
  }

  /// Waits until every thread is over, for as long as they may take after they were asked to stop.
  ///
  /// - Parameters:
  ///   - interrupt: a file that is readable when `earlierEnd` is to be asked again, which clears it; or -1.
  ///   - earlierEnd: until when the threads have now; nil where they have all their time.
  /// - Returns: whether every thread is over.
  func waitUntilOver(interrupt: Int32, earlierEnd: () -> MonotonicTime?) -> Bool {
    var deadline = MonotonicTime(nanoseconds: stopTime.load(ordering: .acquiring))
      .advanced(byMilliseconds: Self.endMilliseconds)
    while true {
      if let earlier = earlierEnd() { deadline = min(deadline, earlier) }
      let now = MonotonicTime.now
      let leftMilliseconds = now < deadline ? (deadline.nanoseconds - now.nanoseconds) / 1_000_000 + 1 : 0
      var files = [
        pollfd(fd: overFile.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0),
      ]
      // SAFETY: the array outlives the call and its count is passed with it.
      _ = unsafe poll(&files, 2, Int32(clamping: leftMilliseconds))
      if over.load(ordering: .acquiring) == loops.count { return true }
      if leftMilliseconds == 0 { return false }
    }
  }

  /// The loops that the others, or the program, wait for: those that have not drained; where there is none, those that have
  /// not closed their ports.
  var stuckLoops: [Int] {
    let turning = loops.indices.filter { loops[$0].phase == .turning }
    return turning.isEmpty ? loops.indices.filter { loops[$0].phase != .over } : turning
  }
}
