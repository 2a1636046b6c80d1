import CleanQ
import CleanQPipeline
import Logging
import Testing

@Suite("Running pipelines", .timeLimit(.minutes(2))) struct RunTests {
  static let total = 100_000

  /// A logger that keeps the output of the tests clean.
  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func expectAll(_ tally: Tally, _ report: PipelineReport) {
    #expect(tally.sentCount == Self.total)
    #expect(tally.returnedCount == Self.total)
    #expect(tally.wrongCount == 0)
    #expect(report.lostByteCount == 0)
    #expect(report.leakedBufferCount <= report.bufferCount)
    #expect(report.accounts.ownedByteCount >= 0)
    #expect(!tally.isStillOpen)
  }

  @Test("one loop: every packet comes back, in order, and no buffer is lost")
  func oneLoop() throws {
    let tally = Tally()
    let running = try Pipeline {
      Generator(total: Self.total, tally: tally)
      Count()
      Loopback()
    }.start(logger: Self.quiet)
    let report = running.finish()
    expectAll(tally, report)
    #expect(report.stages.map(\.report.name) == ["generator", "count", "loopback"])
    let count = try #require(report.stages.first { $0.report.name == "count" }).report
    #expect(count.received.packets == UInt64(Self.total) && count.transmitted.packets == UInt64(Self.total))
    #expect(count.received.bytes == UInt64(Self.total) * 64)
  }

  @Test("two and three loops: interlinks keep order and buffers", arguments: [1, 2])
  func moreLoops(interlinks: Int) throws {
    let tally = Tally()
    let running: RunningPipeline
    if interlinks == 1 {
      running = try Pipeline {
        Generator(total: Self.total, tally: tally)
        Handoff()
        Count()
        Loopback()
      }.start(on: [.cpu(0), .any], logger: Self.quiet)
    } else {
      running = try Pipeline {
        Generator(total: Self.total, tally: tally)
        Handoff()
        Count()
        Handoff()
        Loopback()
      }.start(logger: Self.quiet)
    }
    expectAll(tally, running.finish())
  }

  @Test(
    "a text makes the same pipeline", arguments: ["generator | count | loopback", "generator@0 | count@1 | loopback"])
  func text(_ text: String) throws {
    let tally = Tally()
    let generator = StageKind(name: "generator", summary: "generates", shapes: [.end(.frame, right: true)]) {
      _ throws(ArgumentError) in Generator(total: Self.total, tally: tally)
    }
    let catalog = StageCatalog([generator, Count.kind, Loopback.kind, Discard.kind])
    let checked = try PipelineText.check(text, catalog: catalog, cpuCount: 2)
    let report = try Pipeline(checked).start(logger: Self.quiet).finish()
    expectAll(tally, report)
    #expect(report.stages.map(\.text) == checked.stages.map(\.text))
  }

  @Test("time passes in a layer that is alone between two interlinks")
  func time() throws {
    let tally = Tally()
    let clock = Tally()
    let running = try Pipeline {
      Generator(total: .max, tally: tally)
      Handoff()
      Clock(tally: clock)
      Handoff()
      Loopback()
    }.start(logger: Self.quiet)
    let limit = MonotonicTime.now.advanced(byMilliseconds: 60_000)
    while clock.sentCount < 10, MonotonicTime.now < limit {}
    running.stop()
    #expect(running.finish().lostByteCount == 0)
    #expect(clock.sentCount >= 10)
  }

  @Test("two devices: frames pass both ways")
  func forward() throws {
    let left = Tally()
    let right = Tally()
    let running = try Pipeline {
      Generator(total: Self.total, tally: left)
      Generator(total: Self.total, tally: right)
    }.start(logger: Self.quiet)
    let report = running.finish()
    #expect(left.wrongCount == 0 && right.wrongCount == 0)
    #expect(left.returnedCount > 0 && right.returnedCount > 0)
    #expect(report.lostByteCount == 0)
  }

  @Test("stop drains and ends a pipeline that has no end of its own")
  func stop() throws {
    let tally = Tally()
    let running = try Pipeline {
      Generator(total: .max, tally: tally)
      Handoff()
      Loopback()
    }.start(logger: Self.quiet)
    while tally.returnedCount < 1000 {}
    running.stop()
    let report = running.finish()
    #expect(report.lostByteCount == 0)
    let sent = tally.sentCount
    let returned = tally.returnedCount
    #expect(sent == returned, "drained: \(sent) sent, \(returned) returned")
  }

  @Test("a pipeline that goes out of scope stops")
  func scope() throws {
    let tally = Tally()
    do {
      let running = try Pipeline {
        Generator(total: .max, tally: tally)
        Discard()
      }.start(logger: Self.quiet)
      _ = running.doneFileDescriptor
    }
    #expect(!tally.isStillOpen)
  }

  @Test("what fails to open undoes what was open")
  func undo() {
    let tally = Tally()
    #expect(throws: StageError("broken", "is broken; mend it")) {
      _ = try Pipeline {
        Generator(total: 1, tally: tally)
        Count()
        Broken()
      }.start(logger: Self.quiet)
    }
    #expect(!tally.isStillOpen)
  }

  @Test("a CPU that does not exist is refused, and everything closed")
  func badCPU() {
    let tally = Tally()
    #expect(throws: StageError.self) {
      _ = try Pipeline {
        Generator(total: 1, tally: tally)
        Discard()
      }.start(on: [.cpu(9999)], logger: Self.quiet)
    }
    #expect(!tally.isStillOpen)
  }
}
