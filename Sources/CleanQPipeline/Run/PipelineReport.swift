public import CleanQ

/// What a pipeline did, and where its memory was when it stopped.
public struct PipelineReport: Sendable {
  /// The stages, left to right.
  public struct Stage: Sendable {
    /// Over all copies.
    public internal(set) var report: StageReport
    /// The stage as in a pipeline text.
    public let text: String
    /// The CPUs that it was pinned to, one in each copy; empty where it was to none.
    public internal(set) var cpus: [Int]
  }

  public internal(set) var stages: [Stage] = []
  /// From the start of the threads to their end.
  public let seconds: Double
  /// All memory of the pipeline, as its owner sees it: at a peer is what a device or the kernel had, in flight what was
  /// between two stages.
  public internal(set) var census = Census()
  /// The buffers that existed.
  public internal(set) var bufferCount = 0
  /// The buffers that went out of scope somewhere and came home, instead of going round.
  public internal(set) var strayBufferCount = 0
  /// Bytes that no stage could account for. Not zero only where a stage is broken.
  public internal(set) var lostByteCount = 0

  init(seconds: Double) { self.seconds = seconds }

  /// Adds what one copy did.
  mutating func add(_ copy: PipelineCopy, texts: [String]) {
    var index = 0
    for worker in copy.workers {
      for report in worker.outcome.reports {
        if index == stages.count {
          stages.append(Stage(report: report, text: index < texts.count ? texts[index] : report.name, cpus: []))
        } else {
          stages[index].report.add(report)
        }
        if let cpu = worker.cpu { stages[index].cpus.append(cpu) }
        index += 1
      }
    }
    let held = copy.census
    census.registeredByteCount += held.registeredByteCount
    census.addHoldings(of: held)
    bufferCount += copy.workers.last?.outcome.bufferCount ?? 0
    strayBufferCount += copy.memory.region.strayBufferCount
    lostByteCount += copy.lostByteCount
  }
}
