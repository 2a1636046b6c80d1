import CleanQ
import CleanQPipeline
import Glibc
import Synchronization
import Testing

@Suite("Signals and stages that do not end", .timeLimit(.minutes(2))) struct SignalTests {
  /// A device whose thread is in the kernel from the first packet on, or from the end on, until the other end of a pipe closes.
  struct Stuck: EndStage {
    typealias Unit = Frame
    let file: Int32
    var isAtEndOnly = false

    var shape: StageShape { .end(.frame, right: true) }

    func open(in context: PipelineContext) throws(StageError) -> StuckPort {
      StuckPort(file: file, isAtEndOnly: isAtEndOnly)
    }
  }

  struct StuckPort: StackedPort, ~Copyable {
    typealias Unit = Frame
    var lower = LoopbackPort<Frame>()
    private let file: Int32
    private let isAtEndOnly: Bool
    private var isAtEnd = false

    init(file: Int32, isAtEndOnly: Bool) { (self.file, self.isAtEndOnly) = (file, isAtEndOnly) }

    mutating func control(_ request: ControlRequest) throws(QueueError) { isAtEnd = request == .quiesce }

    mutating func transmit(_ burst: inout Burst) -> Refusal? {
      var byte: UInt8 = 0
      // SAFETY: one byte of a local variable.
      if isAtEndOnly ? isAtEnd : !burst.isEmpty { _ = unsafe read(file, &byte, 1) }
      return lower.transmit(&burst)
    }

    func report(into report: inout PortReport) {
      report.accounts = lower.accounts()
      report.stages.append(StageReport("stuck"))
    }
  }

  private static func pipeEnds() -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    // SAFETY: the array has room for the two ends.
    _ = unsafe pipe(&ends)
    return (ends[0], ends[1])
  }

  @Test("a stage whose thread is stuck does not hold up the end, and is named; its neighbours' figures are there")
  func stuck() throws {
    let ends = Self.pipeEnds()
    let tally = Tally()
    let running = try Pipeline {
      Generator(total: .max, tally: tally)
      Count()
      Handoff()
      Stuck(file: ends.read)
    }.start(logger: RunTests.quiet)
    while tally.sentCount < 64 { usleep(1000) }
    // The loop may answer until the first packet has reached the stage.
    var snapshot = running.report()
    for _ in 0..<50 where snapshot.stages.allSatisfy({ $0.report.failure == nil }) {
      usleep(10_000)
      snapshot = running.report()
    }
    #expect(snapshot.end == .running)
    #expect(snapshot.stages.filter { $0.report.failure != nil }.map(\.text) == ["stuck"])
    #expect(snapshot.stages[1].report.received.packets > 0)
    let start = MonotonicTime.now
    running.stop()
    let report = running.finish()
    #expect(MonotonicTime.now < start.advanced(byMilliseconds: 10_000))
    #expect(!report.isExact && report.lostByteCount == 0)
    #expect(report.stages.filter { $0.report.failure != nil }.map(\.text) == ["stuck"])
    #expect(report.stages[2].report.failure?.contains("read(2)") == true)
    #expect(report.stages[1].report.received.packets > 0)
    // What is left to itself ends when the kernel lets it go.
    close(ends.write)
    while tally.isStillOpen { usleep(1000) }
    close(ends.read)
  }

  @Test("a stage that is stuck from the end on: what its loop did until then is in the report")
  func stuckAtTheEnd() throws {
    let ends = Self.pipeEnds()
    let tally = Tally()
    let running = try Pipeline {
      Generator(total: .max, tally: tally)
      Count()
      Stuck(file: ends.read, isAtEndOnly: true)
    }.start(logger: RunTests.quiet)
    while tally.returnedCount < 64 { usleep(1000) }
    running.stop()
    let report = running.finish()
    #expect(!report.isExact && report.stages[1].report.received.packets >= 64)
    close(ends.write)
    while tally.isStillOpen { usleep(1000) }
    close(ends.read)
  }

  private final class Instant: Sendable {
    let value = Atomic<UInt64>(0)
  }

  @Test("a second signal ends the waiting for a stage that is stuck, once and for all")
  func secondSignal() async {
    await #expect(processExitsWith: .success) {
      let ends = Self.pipeEnds()
      let tally = Tally()
      let first = Instant()
      Task.detached {
        while tally.sentCount < 64 { try await Task.sleep(for: .milliseconds(1)) }
        first.value.store(MonotonicTime.now.nanoseconds, ordering: .releasing)
        kill(getpid(), SIGTERM)
        try await Task.sleep(for: .milliseconds(20))
        kill(getpid(), SIGTERM)
      }
      let report = try Pipeline {
        Generator(total: .max, tally: tally)
        Handoff()
        Stuck(file: ends.read)
      }.runUntilSignal(logger: RunTests.quiet)
      // 400 ms after the first signal; without a second one it is 1500.
      let firstTime = MonotonicTime(nanoseconds: first.value.load(ordering: .acquiring))
      #expect(MonotonicTime.now < firstTime.advanced(byMilliseconds: 1400))
      #expect(report.end == .signal("SIGTERM") && !report.isExact)
    }
  }

  @Test("a report of a moment has what was done so far, and the pipeline goes on")
  func snapshot() throws {
    let tally = Tally()
    let running = try Pipeline {
      Generator(total: .max, tally: tally)
      Count()
      Loopback()
    }.start(logger: RunTests.quiet)
    var last: UInt64 = 0
    for _ in 0..<3 {
      while tally.returnedCount == 0 {}
      let report = running.report()
      #expect(report.stages.allSatisfy { $0.report.failure == nil })
      #expect(report.stages[1].report.received.packets >= last)
      last = report.stages[1].report.received.packets
    }
    running.stop()
    let report = running.finish()
    #expect(report.isExact && report.lostByteCount == 0 && report.end == .stopped)
    #expect(report.stages[1].report.received.packets >= last)
  }

  @Test("the reason of the end: a source that is exhausted")
  func exhausted() throws {
    let report = try Pipeline {
      Generator(total: 10, tally: Tally())
      Loopback()
    }.start(logger: RunTests.quiet).finish()
    #expect(report.end == .completed(stage: "generator", reason: "nothing more comes"))
  }

  /// The disposition of a signal, and whether the calling thread blocks it.
  private static func state(of signal: Int32) -> [UInt] {
    var action = sigaction()
    var blocked = sigset_t()
    // SAFETY: local variables.
    unsafe sigaction(signal, nil, &action)
    unsafe pthread_sigmask(SIG_BLOCK, nil, &blocked)
    let handler = unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
    return [handler, UInt(unsafe sigismember(&blocked, signal))]
  }

  private static let all = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]

  /// Runs a pipeline and sends this process a signal once it runs.
  private static func run(_ number: Int32) throws -> PipelineReport {
    let tally = Tally()
    let sender = Task.detached {
      while tally.returnedCount < 1000 { try await Task.sleep(for: .milliseconds(1)) }
      kill(getpid(), number)
    }
    defer { sender.cancel() }
    return try Pipeline {
      Generator(total: .max, tally: tally)
      Loopback()
    }.runUntilSignal(logger: RunTests.quiet)
  }

  @Test("runUntilSignal ends by each signal, again and again, and puts everything back")
  func putsBack() async {
    await #expect(processExitsWith: .success) {
      let before = Self.all.map(Self.state)
      for (number, name) in [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGHUP, "SIGHUP")] {
        let report = try Self.run(number)
        #expect(report.end == .signal(name))
        #expect(report.lostByteCount == 0 && report.isExact)
        #expect(Self.all.map(Self.state) == before)
      }
    }
  }

  @Test("runUntilSignal works on a thread that blocks signals, and blocks them again")
  func blocked() async {
    await #expect(processExitsWith: .success) {
      var set = sigset_t()
      // SAFETY: a local variable.
      unsafe sigfillset(&set)
      unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
      let before = Self.all.map(Self.state)
      let report = try Self.run(SIGTERM)
      #expect(report.end == .signal("SIGTERM"))
      #expect(Self.all.map(Self.state) == before)
    }
  }

  @Test("start and finish touch no signal: SIGTERM ends the process as ever")
  func startTouchesNothing() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      let running = try Pipeline {
        Generator(total: .max, tally: Tally())
        Loopback()
      }.start(logger: RunTests.quiet)
      kill(getpid(), SIGTERM)
      _ = running.finish()
    }
  }
}
