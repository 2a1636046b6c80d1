import CleanQ
import CleanQPipeline
import CleanQPlatform
import Glibc
import Synchronization
import Testing

@Suite("Abandoning a start, reopening files", .timeLimit(.minutes(1))) struct CancelTests {
  /// A device whose opening waits until the start is cancelled.
  struct Patient: EndStage {
    typealias Unit = Frame

    var shape: StageShape { .end(.frame, right: true) }

    func open(in context: PipelineContext) throws(StageError) -> LoopbackPort<Frame> {
      var file = pollfd(fd: context.cancelFile, events: Int16(POLLIN), revents: 0)
      // SAFETY: one local variable.
      _ = unsafe poll(&file, 1, 30_000)
      throw StageError.cancelled("patient")
    }
  }

  /// A stage that counts how often it was asked to reopen its files.
  struct Reopening: EndStage {
    typealias Unit = Frame
    final class Times: Sendable { let count = Atomic<Int>(0) }
    let times: Times

    var shape: StageShape { .end(.frame, right: true) }

    func open(in context: PipelineContext) throws(StageError) -> LoopbackPort<Frame> {
      let times = times
      context.onReopen { times.count.add(1, ordering: .relaxed) }
      return LoopbackPort()
    }
  }

  @Test("a start that is cancelled while everything opens gives everything back")
  func cancelled() throws {
    let event = try #require(EventFile())
    event.signal()
    let tally = Tally()
    #expect(throws: StageError.cancelled("pipeline")) {
      _ = try Pipeline {
        Generator(total: .max, tally: tally)
        Loopback()
      }.start(logger: RunTests.quiet, cancelFile: event.number)
    }
    #expect(!tally.isStillOpen)
  }

  @Test("a stage that waits while it opens sees that the start is cancelled")
  func cancelledWhileOpening() async throws {
    let event = try #require(EventFile())
    let (tally, number) = (Tally(), event.number)
    let opening = Task.detached {
      #expect(throws: StageError.cancelled("patient")) {
        _ = try Pipeline {
          Generator(total: .max, tally: tally)
          Patient()
        }.start(logger: RunTests.quiet, cancelFile: number)
      }
    }
    while !tally.isStillOpen { try await Task.sleep(for: .milliseconds(1)) }
    event.signal()
    _ = await opening.value
    #expect(!tally.isStillOpen)
  }

  @Test("a pipeline is asked to reopen its files, and says whether it has any")
  func reopen() throws {
    let tally = Tally()
    let times = Reopening.Times()
    let running = try Pipeline {
      Generator(total: .max, tally: tally)
      Reopening(times: times)
    }.start(logger: RunTests.quiet)
    #expect(running.canReopen)
    running.reopen()
    running.reopen()
    #expect(times.count.load(ordering: .relaxed) == 2)
    running.stop()
    #expect(running.finish().lostByteCount == 0)
    let plain = try Pipeline {
      Generator(total: 1, tally: tally)
      Loopback()
    }.start(logger: RunTests.quiet)
    #expect(!plain.canReopen)
  }
}
