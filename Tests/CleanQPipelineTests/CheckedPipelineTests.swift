import CleanQPipeline
import Testing
import TestSupport

@testable import CleanQ

extension Log {
  /// Its errors.
  fileprivate var errors: [String] { lines.filter { $0.hasPrefix("error ") } }
}

/// A stage that holds the first buffers back that come up, and hides them from the accounts: as good as lost.
private struct LeakPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit

  var lower: Lower
  var hidden = Burst()

  init(on lower: consuming Lower) { self.lower = lower }

  mutating func receive(into filled: inout Burst) {
    lower.receive(into: &filled)
    if hidden.isEmpty, let buffer = filled.popFirst() { hidden.append(buffer) }
  }
}

private struct Leak: PassThroughStage {
  var shape: StageShape { .passThrough }

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(LeakPort(on: lower))
  }
}

/// A stage that completes a buffer of each thousandth burst twice, and another one later.
private struct EchoingPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit

  var lower: Lower
  private var burstCount = 0
  private var kept = Burst()

  init(on lower: consuming Lower) { self.lower = lower }

  mutating func complete(into sent: inout Burst) {
    while sent.room > 0, let buffer = kept.popFirst() { sent.append(buffer) }
    lower.complete(into: &sent)
    guard sent.count > 1 else { return }
    burstCount += 1
    guard burstCount % 1000 == 0, let first = sent.popFirst() else { return }
    // SAFETY: none; that is the point. The check above forgets the buffer, and nobody touches its bytes.
    let second = unsafe Buffer(base: first.base, descriptor: first.name)
    if let other = sent.popFirst() { kept.append(other) }
    sent.append(first)
    sent.append(second)
  }
}

private struct Echoing: PassThroughStage {
  var shape: StageShape { .passThrough }

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(EchoingPort(on: lower))
  }
}

@Suite("Checked stage", .timeLimit(.minutes(2))) struct CheckedPipelineTests {
  static let total = 100_000

  private func expectClean(_ report: PipelineReport, _ log: Log, checks: Int) {
    let checked = report.stages.map(\.report).filter { $0.name == "checked" }
    #expect(checked.count == checks && log.errors.isEmpty && report.lostByteCount == 0)
    for stage in checked {
      #expect(stage.counters.contains(StageReport.Count("violations", 0)) && stage.drops.isEmpty)
      #expect(stage.received.packets == UInt64(Self.total) && stage.transmitted.packets == UInt64(Self.total))
      let passed = stage.counters.first { $0.name == "checked-buffers" }?.value ?? 0
      #expect(passed >= UInt64(4 * Self.total), "down and up, received and transmitted")
    }
  }

  @Test("generator | checked | count | checked | loopback: nothing is reported, nothing changed")
  func clean() throws {
    let tally = Tally()
    let log = Log()
    let report = try Pipeline {
      Generator(total: Self.total, tally: tally)
      Checked()
      Count()
      Checked(stops: true)
      Loopback()
    }.start(logger: log.logger).finish()
    expectClean(report, log, checks: 2)
    #expect(tally.returnedCount == Self.total && tally.wrongCount == 0)
  }

  @Test("over two interlinks: nothing is reported on either side of them")
  func interlinks() throws {
    let tally = Tally()
    let log = Log()
    let report = try Pipeline {
      Generator(total: Self.total, tally: tally)
      Checked()
      Handoff()
      Checked()
      Count()
      Handoff()
      Checked()
      Loopback()
    }.start(logger: log.logger).finish()
    expectClean(report, log, checks: 3)
    #expect(tally.returnedCount == Self.total && tally.wrongCount == 0)
  }

  @Test("in a text", arguments: ["generator | checked | count | checked(stop) | loopback"])
  func text(_ text: String) throws {
    let tally = Tally()
    let log = Log()
    let generator = StageKind(name: "generator", summary: "generates", shapes: [.end(.frame, right: true)]) {
      _ throws(ArgumentError) in Generator(total: Self.total, tally: tally)
    }
    let catalog = StageCatalog([generator, Count.kind, Loopback.kind, Checked.kind])
    let pipeline = try PipelineText.check(text, catalog: catalog, cpuCount: 2)
    expectClean(try Pipeline(pipeline).start(logger: log.logger).finish(), log, checks: 2)
    let stages = pipeline.stages.compactMap { $0.description as? Checked }
    #expect(stages.map(\.stops) == [false, true])
  }

  @Test("a stage that loses a buffer: one line in the log, one counter, and the check below sees nothing wrong")
  func leak() throws {
    let tally = Tally()
    let log = Log()
    let running = try Pipeline {
      Generator(total: .max, tally: tally)
      Checked()
      Leak()
      Checked()
      Loopback()
    }.start(logger: log.logger)
    while tally.returnedCount < 1000 {}
    running.stop()
    let report = running.finish()
    let checked = report.stages.map(\.report).filter { $0.name == "checked" }
    try #require(checked.count == 2)
    #expect(checked[0].counters.contains(StageReport.Count("violations", 0)))
    #expect(checked[1].counters.contains(StageReport.Count("lost", 1)))
    #expect(log.errors.count == 1)
    let line = try #require(log.errors.first)
    #expect(line.contains("lost: 2048 bytes were handed down and are nowhere; in accounts of checked"))
    #expect(report.lostByteCount == 2048)
  }

  @Test("a stage that completes a buffer twice: the forged one goes no further; with stop, the pipeline ends")
  func stop() throws {
    let tally = Tally()
    let log = Log()
    let running = try Pipeline {
      Generator(total: .max, tally: tally)
      Echoing()
      Checked(stops: true)
      Loopback()
    }.start(logger: log.logger)
    let report = running.finish()
    let checked = try #require(report.stages.map(\.report).first { $0.name == "checked" })
    let violations = try #require(checked.counters.first { $0.name == "violations" }).value
    #expect(violations > 0 && checked.counters.contains(StageReport.Count("duplicate-up", violations)))
    #expect(checked.drops == [StageReport.Count("withheld", violations)])
    #expect(log.errors.count == min(16, Int(violations)))
    #expect(log.errors.allSatisfy { $0.hasPrefix("error ownership violated: duplicate-up: ") })
    #expect(report.lostByteCount == 0 && tally.wrongCount == 0)
  }
}
