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
/// Going out of scope stops it and waits for its threads, for a second and a half at most. It changes no signal; for daemons
/// there is ``Pipeline/runUntilSignal(on:logger:)``. Thread-confined, but ``stop`` may be sent.
public final class RunningPipeline {
  private let instances: [PipelineInstance]
  private let labels: [StageLabel]
  let control: RunControl
  private let reopeners: [@Sendable () -> Void]
  private let threads = Threads()
  /// Whether the threads have ended, true, or are left to themselves; nil as long as nobody has waited for them.
  private var wasOver: Bool?
  private let startTime = MonotonicTime.now
  /// For each loop, its stages among those of its copy.
  private let stageNumbers: [[Int]]

  /// Gives the opened loops their memory and starts their threads. What fails undoes all.
  ///
  /// - Parameter placements: for each instance, where its loops run.
  @usableFromInline
  init(_ context: PipelineContext, placements: [[Placement]]) throws(StageError) {
    labels = context.labels
    reopeners = context.reopeners
    var instances: [PipelineInstance] = []
    for (workers, placements) in zip(context.instances, placements) {
      instances.append(try PipelineInstance(workers, placements: placements, context.logger))
    }
    self.instances = instances
    let control = try RunControl(
      workerCount: instances.reduce(0) { $0 + $1.workers.count }, spinNanoseconds: context.spinNanoseconds,
      context.logger)
    self.control = control
    stageNumbers = Self.prepare(instances, control)
    do {
      for instance in instances {
        for worker in instance.workers {
          try threads.start(name: "cleanq-\(worker.index)", cpu: worker.cpu) { instance.run(worker, control) }
        }
      }
      for body in context.starters { body() }
      control.openGate(true)
      context.logger.notice("running", metadata: ["threads": "\(stageNumbers.count)"])
    } catch {
      control.openGate(false)
      threads.join()
      throw error
    }
  }

  deinit {
    control.stop()
    // Those that were left to themselves have had their time.
    _ = endThreads(interrupt: -1) { nil }
  }

  /// Numbers the loops, and notes what each consists of in case that it never says so itself.
  private static func prepare(_ instances: [PipelineInstance], _ control: RunControl) -> [[Int]] {
    var numbers: [[Int]] = []
    var outcomes: [WorkerOutcome] = []
    for instance in instances {
      for worker in instance.workers {
        worker.index = outcomes.count
        var outcome = WorkerOutcome()
        outcome.reports = worker.reports()
        outcomes.append(outcome)
        control.loops[worker.index].outcome = outcome
      }
      numbers += PipelineReport.numbers(of: instance, outcomes)
    }
    return numbers
  }

  /// Stops the pipeline, also from another thread.
  public var stop: PipelineStop { PipelineStop(control: control) }

  /// Becomes readable when the pipeline has ended by itself. Owned by this object.
  public var doneFileDescriptor: Int32 { control.doneFile }

  /// Whether a stage has files that can be reopened.
  public var canReopen: Bool { !reopeners.isEmpty }

  /// Asks every stage that writes files to open them again by their names.
  public func reopen() { for body in reopeners { body() } }

  /// What the pipeline has done until now. Each loop answers for its own stages, between two bursts; a stage whose loop does not
  /// answer within half a second has a ``StageReport/failure`` that says so.
  public func report() -> PipelineReport {
    let missing = control.requestReports()
    var report = gather(isExact: false)
    for loop in missing {
      report.fail(
        stages: stageNumbers[loop], at: StuckThread(number: control.loops[loop].threadNumber),
        "its loop did not answer within \(RunControl.answerMilliseconds) ms")
    }
    return report
  }

  /// Waits until the pipeline has ended and says what it did, all instances together.
  ///
  /// Once it was told to stop, the threads have a second and a half. A stage whose thread has not ended by then has a
  /// ``StageReport/failure`` that says so, and the thread is left to itself.
  public func finish() -> PipelineReport { finish(interrupt: -1) { nil } }

  /// The same, but waits no longer than `earlierEnd` says; it is asked whenever `interrupt` is readable.
  func finish(interrupt: Int32, earlierEnd: () -> MonotonicTime?) -> PipelineReport {
    control.waitUntilStopping()
    let isOver = endThreads(interrupt: interrupt, earlierEnd: earlierEnd)
    let stuck = isOver ? [] : control.stuckLoops
    var report = gather(isExact: isOver)
    report.end = control.isExhausted ? report.endByItself() : .stopped
    for loop in stuck {
      report.fail(
        stages: stageNumbers[loop], at: StuckThread(number: control.loops[loop].threadNumber),
        "did not stop when it was told to")
    }
    return report
  }

  /// Waits until all threads have ended. Returns whether they have; else they are left to themselves.
  private func endThreads(interrupt: Int32, earlierEnd: () -> MonotonicTime?) -> Bool {
    if let wasOver { return wasOver }
    let isOver = control.waitUntilOver(interrupt: interrupt, earlierEnd: earlierEnd)
    wasOver = isOver
    if isOver { threads.join() } else { threads.abandon() }
    return isOver
  }

  private func gather(isExact: Bool) -> PipelineReport {
    let elapsedNanoseconds = MonotonicTime.now.nanoseconds - startTime.nanoseconds
    var report = PipelineReport(seconds: Double(elapsedNanoseconds) / 1e9)
    report.isExact = isExact
    let outcomes = control.loops.map(\.outcome)
    for instance in instances { report.add(instance, outcomes, labels: labels) }
    return report
  }
}

extension RunningPipeline {
  /// Refuses a list of CPUs that is empty, too long or names one twice.
  @usableFromInline
  static func refuseBadList(of cpus: [Int]) throws(StageError) {
    guard (1...PipelineText.maximumInstanceCount).contains(cpus.count) else {
      throw StageError(
        "pipeline", "runs in 1 to \(PipelineText.maximumInstanceCount) instances, not \(cpus.count); list as many CPUs")
    }
    for (index, cpu) in cpus.enumerated() where cpus[..<index].contains(cpu) {
      throw StageError("pipeline", "CPU \(cpu) is listed twice; list each once")
    }
  }
}
