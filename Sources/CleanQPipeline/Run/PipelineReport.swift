public import CleanQ

/// What a pipeline did, and where its memory was when it stopped, or at a moment while it runs.
public struct PipelineReport: Sendable {
  /// The stages, left to right.
  public struct Stage: Sendable {
    /// Over all instances.
    public internal(set) var report: StageReport
    /// The stage as in a pipeline text.
    public let text: String
    /// The CPUs that it was pinned to, one in each instance; empty where it was to none.
    public internal(set) var cpus: [Int]
  }

  public internal(set) var stages: [Stage] = []
  /// From the start of the threads to their end, or to now.
  public let seconds: Double
  /// Why the pipeline ended.
  public package(set) var end = PipelineEnd.running
  /// All memory of the pipeline, as its owner sees it: at a peer is what a device, the kernel or another process had, in flight
  /// what was in the stages' queues, empty buffers that waited for packets among them.
  public internal(set) var accounts = BufferAccounts()
  /// The buffers that the memory was cut into when the pipeline started.
  public internal(set) var bufferCount = 0
  /// The buffers that went out of scope somewhere and came home, instead of going round.
  public internal(set) var leakedBufferCount = 0
  /// Bytes that no stage could account for. Not zero only where a stage is broken; zero where ``isExact`` is false.
  public internal(set) var lostByteCount = 0
  /// Whether every loop had come to rest when the memory was counted. Not while the pipeline runs, and not where a stage did
  /// not end in time.
  public internal(set) var isExact = true

  package init(seconds: Double) { self.seconds = seconds }

  /// Adds what one instance did.
  ///
  /// - Parameter outcomes: of all loops of all instances.
  mutating func add(_ instance: PipelineInstance, _ outcomes: [WorkerOutcome], texts: [String]) {
    var index = 0
    for worker in instance.workers {
      for report in outcomes[worker.index].reports {
        if index == stages.count {
          stages.append(Stage(report: report, text: index < texts.count ? texts[index] : report.name, cpus: []))
        } else {
          stages[index].report.add(report)
        }
        if let cpu = worker.cpu { stages[index].cpus.append(cpu) }
        index += 1
      }
      let outcome = outcomes[worker.index]
      guard isExact else { continue }
      lostByteCount += outcome.differenceByteCount(of: instance.memory.region.id, instance.memory.region.byteCount)
    }
    accounts.registeredByteCount += instance.memory.region.byteCount
    guard let last = instance.workers.last else { return }
    var held = outcomes[last.index].held
    // The last loop sees what the others have as away; they say themselves what of it is in queues.
    let queuedByteCount = instance.workers.dropLast().reduce(0) { $0 + outcomes[$1.index].held.inFlightByteCount }
    held.moveToQueues(byteCount: queuedByteCount)
    // Buffers of regions that stages have of their own are counted where they are seen, and as registered.
    accounts.registeredByteCount += held.elsewhereByteCount(ofOthersThan: instance.memory.region.id)
    accounts.addHoldings(of: held)
    bufferCount += instance.bufferCount
    leakedBufferCount += instance.memory.region.leakedBufferCount
  }

  /// Says of the stages of a loop that they did not end, or did not answer: of the one that works on a file, where the thread is
  /// in a system call on that, else of all.
  mutating func fail(stages range: Range<Int>, at thread: StuckThread, _ what: String) {
    let range = range.clamped(to: stages.indices)
    let onFile = range.filter { index in thread.fileName.map { stages[index].text.contains($0) } ?? false }
    let place = thread.place.map { "; its thread is in \($0)" } ?? ""
    for index in onFile.count == 1 ? onFile : Array(range) where stages[index].report.failure == nil {
      stages[index].report.failure = "\(what)\(place)"
    }
  }

  /// Why a pipeline ended that no signal and no program ended.
  func endByItself() -> PipelineEnd {
    if let failed = stages.first(where: { $0.report.failure != nil }) { return .failed(stage: failed.text) }
    guard let complete = stages.first(where: { $0.report.completion != nil }) else {
      return .completed(stage: stages.first?.text ?? "pipeline", reason: "nothing more comes")
    }
    return .completed(stage: complete.text, reason: complete.report.completion ?? "")
  }
}

extension PipelineReport {
  /// What is said of a pipeline that was abandoned while it was opened: it did nothing.
  package static func abandoned(_ pipeline: CheckedPipeline, by end: PipelineEnd) -> PipelineReport {
    var report = PipelineReport(seconds: 0)
    report.stages = pipeline.stages.map { Stage(report: StageReport($0.call.name), text: $0.text, cpus: $0.cpus) }
    report.end = end
    return report
  }
}

extension BufferAccounts {
  /// Counts bytes at the peer as in flight, no more than there are: while the pipeline runs its loops are not asked at one moment.
  fileprivate mutating func moveToQueues(byteCount: Int) {
    let moved = min(byteCount, atPeerByteCount)
    atPeerByteCount -= moved
    inFlightByteCount += moved
  }
}
