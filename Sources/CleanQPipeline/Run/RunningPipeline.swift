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
  private let workers: [Worker]
  private let texts: [String]
  private let control: RunControl
  private let threads = Threads()
  private let startTime = MonotonicTime.now

  /// Gives the opened loops their memory and starts their threads. What fails undoes all.
  @usableFromInline
  init(_ context: PipelineContext, placements: [Placement], texts: [String]) throws(StageError) {
    workers = context.workers
    self.texts = texts
    guard let last = workers.last else { throw StageError("pipeline", "has no stages") }
    for (worker, placement) in zip(workers, placements) {
      guard case .cpu(let cpu) = placement else { continue }
      guard Threads.isAllowed(cpu: cpu) else {
        throw StageError("pipeline", "this process may not run on CPU \(cpu); choose another")
      }
      worker.cpu = cpu
    }
    let wanted = Self.wantedBuffers(workers, last: last)
    control = try RunControl(region: Self.makeRegion(wanted, context.logger), workerCount: workers.count)
    for worker in workers {
      if let error = worker.register(control.region, worker === last) { throw StageError("pipeline", error) }
    }
    last.prime(control.region, wanted)
    do {
      for (index, worker) in workers.enumerated() {
        let control = control
        try threads.start(name: "cleanq-\(index)", cpu: worker.cpu) {
          worker.outcome = worker.run(control, index, worker === last)
        }
      }
    } catch {
      control.openGate(false)
      threads.join()
      throw error
    }
    control.openGate(true)
    context.logger.notice("running", metadata: ["threads": "\(workers.count)"])
  }

  deinit {
    control.stop()
    threads.join()
  }

  /// Stops the pipeline, also from another thread.
  public var stop: PipelineStop { PipelineStop(control: control) }

  /// Becomes readable when the pipeline has ended by itself. Owned by this object.
  public var doneFileDescriptor: Int32 { control.doneFile }

  /// Waits until the pipeline has ended and says what it did.
  public func finish() -> PipelineReport {
    threads.join()
    let elapsedNanoseconds = MonotonicTime.now.nanoseconds - startTime.nanoseconds
    var stages: [PipelineReport.Stage] = []
    var lostByteCount = 0
    for worker in workers {
      for report in worker.outcome.reports {
        let text = stages.count < texts.count ? texts[stages.count] : report.name
        stages.append(PipelineReport.Stage(report: report, text: text, cpu: worker.cpu))
      }
      let held = worker.outcome.held
      lostByteCount += abs(worker.outcome.expectedByteCount - held.inFlightByteCount - held.atPeerByteCount)
    }
    let last = workers.last?.outcome ?? WorkerOutcome()
    var census = last.held
    census.registeredByteCount = control.region.byteCount
    return PipelineReport(
      stages: stages, seconds: Double(elapsedNanoseconds) / 1e9, census: census, bufferCount: last.bufferCount,
      strayBufferCount: control.region.strayBufferCount, lostByteCount: lostByteCount)
  }
}

extension RunningPipeline {
  /// What all loops together want of the last: buffers for the devices below it and for that at its right end.
  private static func wantedBuffers(_ workers: [Worker], last: Worker) -> WantedBuffers {
    let each = workers.map { $0.wanted() }
    let byteCount = each.reduce(2048) { max($0, ($1.byteCount + 63) / 64 * 64) }
    return WantedBuffers(left: each.reduce(0) { $0 + $1.left }, right: last.wanted().right, byteCount: byteCount)
  }

  private static func makeRegion(_ wanted: WantedBuffers, _ logger: Logger) throws(StageError) -> Region {
    let count = max(wanted.left + wanted.right, Burst.capacity)
    do {
      let region = try Region(byteCount: count * wanted.byteCount)
      let pages = region.pageByteCount > 65_536 ? "hugepages" : "ordinary pages"
      logger.notice("memory", metadata: ["buffers": "\(count) of \(wanted.byteCount) bytes", "in": "\(pages)"])
      return region
    } catch {
      throw StageError("pipeline", "no memory for \(count) buffers of \(wanted.byteCount) bytes: \(error)")
    }
  }
}
