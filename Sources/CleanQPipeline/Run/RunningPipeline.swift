internal import CleanQ
internal import Logging

/// Where a loop of a pipeline runs.
public enum Placement: Equatable, Sendable {
  /// On whichever CPU the operating system likes.
  case any
  /// Pinned to one CPU.
  case cpu(Int)
}

/// Stops a running pipeline from anywhere.
public struct PipelineStop: Sendable {
  let control: RunControl

  /// Asks the pipeline to drain and end; returns at once. May be called more than once.
  public func callAsFunction() { control.stop() }
}

/// A pipeline whose threads run. It ends when it is told to, or when its source is exhausted; ``finish()`` waits for that.
///
/// Going out of scope stops it and waits for its threads. Thread-confined, but ``stop`` may be sent.
public final class RunningPipeline {
  private let copies: [PipelineCopy]
  private let texts: [String]
  private let control: RunControl
  private let reopeners: [@Sendable () -> Void]
  private let threads = Threads()
  private let startTime = MonotonicTime.now

  /// Gives the opened loops their memory and starts their threads. What fails undoes all.
  ///
  /// - Parameter placements: for each copy, where its loops run.
  @usableFromInline
  init(_ context: PipelineContext, placements: [[Placement]], texts: [String]) throws(StageError) {
    self.texts = texts
    reopeners = context.reopeners
    var copies: [PipelineCopy] = []
    for (workers, placements) in zip(context.copies, placements) {
      copies.append(try PipelineCopy(workers, placements: placements, context.logger))
    }
    self.copies = copies
    control = try RunControl(workerCount: copies.reduce(0) { $0 + $1.workers.count }, context.logger)
    do {
      var count = 0
      for copy in copies {
        for worker in copy.workers {
          let (control, index) = (control, count)
          try threads.start(name: "cleanq-\(index)", cpu: worker.cpu) { copy.run(worker, control, index: index) }
          count += 1
        }
      }
      for body in context.starters { body() }
      control.openGate(true)
      context.logger.notice("running", metadata: ["threads": "\(count)"])
    } catch {
      control.openGate(false)
      threads.join()
      throw error
    }
  }

  deinit {
    control.stop()
    threads.join()
  }

  /// Stops the pipeline, also from another thread.
  public var stop: PipelineStop { PipelineStop(control: control) }

  /// Becomes readable when the pipeline has ended by itself. Owned by this object.
  public var doneFileDescriptor: Int32 { control.doneFile }

  /// Whether a stage has files that can be reopened.
  public var canReopen: Bool { !reopeners.isEmpty }

  /// Asks every stage that writes files to open them again by their names.
  public func reopen() { for body in reopeners { body() } }

  /// Waits until the pipeline has ended and says what it did, all copies together.
  public func finish() -> PipelineReport {
    threads.join()
    let elapsedNanoseconds = MonotonicTime.now.nanoseconds - startTime.nanoseconds
    var report = PipelineReport(seconds: Double(elapsedNanoseconds) / 1e9)
    for copy in copies { report.add(copy, texts: texts) }
    return report
  }

  /// Waits for a signal, or for the pipeline's own end; stops it, and says what it did.
  @usableFromInline
  consuming func finish(at signals: borrowing TerminationSignals) -> PipelineReport {
    signals.wait(or: doneFileDescriptor)
    stop()
    return finish()
  }
}

extension RunningPipeline {
  /// Refuses a list of CPUs that is empty, too long or names one twice.
  @usableFromInline
  static func refuseBadList(of cpus: [Int]) throws(StageError) {
    guard (1...PipelineText.maximumCopyCount).contains(cpus.count) else {
      throw StageError(
        "pipeline", "runs in 1 to \(PipelineText.maximumCopyCount) copies, not \(cpus.count); list as many CPUs")
    }
    for (index, cpu) in cpus.enumerated() where cpus[..<index].contains(cpu) {
      throw StageError("pipeline", "CPU \(cpu) is listed twice; list each once")
    }
  }
}
