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
    let wanted = PipelineMemory(workers, last: last)
    control = try RunControl(region: wanted.makeRegion(context.logger), workerCount: workers.count)
    for worker in workers {
      do { try worker.register(control.region, isLast: worker === last) } catch { throw StageError("pipeline", error) }
    }
    last.prime(
      from: control.region, left: wanted.leftCount, right: wanted.rightCount, byteCount: wanted.bufferByteCount)
    do {
      for (index, worker) in workers.enumerated() {
        let control = control
        try threads.start(name: "cleanq-\(index)", cpu: worker.cpu) {
          worker.run(control, index: index, isLast: worker === last)
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

/// How much memory a pipeline needs.
private struct PipelineMemory {
  /// Buffers for the devices below the last loop and for that at its right end.
  let leftCount: Int
  let rightCount: Int
  let bufferByteCount: Int

  init(_ workers: [Worker], last: Worker) {
    leftCount = workers.reduce(0) { $0 + $1.wantedBuffers.left }
    rightCount = last.wantedBuffers.right
    bufferByteCount = workers.reduce(2048) { max($0, ($1.wantedBufferByteCount + 63) / 64 * 64) }
  }

  func makeRegion(_ logger: Logger) throws(StageError) -> Region {
    let count = max(leftCount + rightCount, Burst.capacity)
    do {
      let region = try Region(byteCount: count * bufferByteCount)
      logger.info(
        "memory", metadata: ["buffers": "\(count)", "bytes": "\(region.byteCount)", "page": "\(region.pageByteCount)"])
      return region
    } catch {
      throw StageError("pipeline", "no memory for \(count) buffers of \(bufferByteCount) bytes: \(error)")
    }
  }
}
