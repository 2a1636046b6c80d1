public import CleanQ

/// What a pipeline did, and where its memory was when it stopped, or at a moment while it runs.
public struct PipelineReport: Sendable {
  /// The stages, left to right.
  public struct Stage: Sendable {
    /// Over all instances.
    public internal(set) var report: StageReport
    /// The stage as in a pipeline text.
    public internal(set) var text: String
    /// The stage's name in the pipeline, of which there is one: `ip/udp:9`, or the name that the user gave to it.
    public internal(set) var path: String

    /// For people: the stage's text, after the path where that says more.
    public var title: String {
      path == report.name || text.hasSuffix(" as \(path)") ? text : path == text ? path : "\(path): \(text)"
    }

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
  /// The buffers that went out of scope somewhere and were returned, instead of circulating.
  public internal(set) var leakedBufferCount = 0
  /// Bytes that no stage could account for. Not zero only where a stage is broken; zero where ``isExact`` is false.
  public internal(set) var lostByteCount = 0
  /// Whether every loop had come to rest when the memory was counted. Not while the pipeline runs, and not where a stage did
  /// not end in time.
  public internal(set) var isExact = true

  package init(seconds: Double) { self.seconds = seconds }

  /// Adds what one instance did.
  ///
  /// - Parameters:
  ///   - outcomes: of all loops of all instances.
  ///   - labels: of the stages, by their numbers.
  mutating func add(_ instance: PipelineInstance, _ outcomes: [WorkerOutcome], labels: [StageLabel]) {
    let numbers = Self.numbers(of: instance, outcomes)
    for (worker, numbers) in zip(instance.workers, numbers) {
      let outcome = outcomes[worker.index]
      for (number, report) in zip(numbers, outcome.reports.filter { $0.branch == nil }) {
        add(report, number, cpu: worker.cpu, labels)
      }
      guard isExact else { continue }
      lostByteCount += outcome.differenceByteCount(of: instance.memory.region.id, instance.memory.region.byteCount)
    }
    for account in instance.workers.flatMap({ outcomes[$0.index].reports }) {
      guard let stage = account.branch, stages.indices.contains(stage) else { continue }
      stages[stage].report.add(account)
    }
    accounts.registeredByteCount += instance.memory.region.byteCount
    var held = outcomes[instance.owner.index].held
    // The loop that owns the memory sees what the others have as away; they say themselves what of it is in queues.
    let queuedByteCount = instance.workers.filter { $0 !== instance.owner }
      .reduce(0) { $0 + outcomes[$1.index].held.inFlightByteCount }
    held.moveToQueues(byteCount: queuedByteCount)
    // Buffers of regions that stages have of their own are counted where they are seen, and as registered.
    accounts.registeredByteCount += held.elsewhereByteCount(ofOthersThan: instance.memory.region.id)
    accounts.addHoldings(of: held)
    bufferCount += instance.bufferCount
    leakedBufferCount += instance.memory.region.leakedBufferCount
  }

  /// For each loop of a copy, the numbers of its stages; by order where a stage does not report just once.
  static func numbers(of instance: PipelineInstance, _ outcomes: [WorkerOutcome]) -> [[Int]] {
    let counts = instance.workers.map { worker in outcomes[worker.index].reports.count { $0.branch == nil } }
    if zip(instance.workers, counts).allSatisfy({ $0.segment.stages.count == $1 }) {
      return instance.workers.map(\.segment.stages)
    }
    var next = 0
    return counts.map { count in
      defer { next += count }
      return Array(next..<next + count)
    }
  }

  private mutating func add(_ report: StageReport, _ number: Int, cpu: Int?, _ labels: [StageLabel]) {
    while stages.count <= number {
      let label = labels.indices.contains(stages.count) ? labels[stages.count] : StageLabel()
      // Until its loop, which may be a later one, has reported.
      stages.append(Stage(report: StageReport(""), text: label.text ?? "", path: label.path ?? "", cpus: []))
    }
    if stages[number].report.name.isEmpty {
      stages[number].report = report
      if stages[number].text.isEmpty { stages[number].text = report.name }
      if stages[number].path.isEmpty {
        var used = Set(stages.map(\.path))
        stages[number].path = StagePaths.unique(report.name, &used)
      }
    } else {
      stages[number].report.add(report)
    }
    if let cpu { stages[number].cpus.append(cpu) }
  }

  /// Says of the stages of a loop that they did not end, or did not answer: of the one that works on a file, where the thread is
  /// in a system call on that, else of all.
  mutating func fail(stages numbers: [Int], at thread: StuckThread, _ what: String) {
    let numbers = numbers.filter { stages.indices.contains($0) }
    let onFile = numbers.filter { index in thread.fileName.map { stages[index].text.contains($0) } ?? false }
    let place = thread.place.map { "; its thread is in \($0)" } ?? ""
    for index in onFile.count == 1 ? onFile : numbers where stages[index].report.failure == nil {
      stages[index].report.failure = "\(what)\(place)"
    }
  }

  /// Why a pipeline ended that no signal and no program ended.
  func endByItself() -> PipelineEnd {
    if let failed = stages.first(where: { $0.report.failure != nil }) { return .failed(stage: failed.title) }
    guard let complete = stages.first(where: { $0.report.completion != nil }) else {
      return .completed(stage: stages.first?.title ?? "pipeline", reason: "nothing more comes")
    }
    return .completed(stage: complete.title, reason: complete.report.completion ?? "")
  }
}

extension PipelineReport {
  /// What is said of a pipeline that was abandoned while it was opened: it did nothing.
  package static func abandoned(_ pipeline: CheckedPipeline, by end: PipelineEnd) -> PipelineReport {
    var report = PipelineReport(seconds: 0)
    report.stages = pipeline.allStages.map {
      Stage(report: StageReport($0.call.name), text: $0.text, path: $0.path, cpus: $0.cpus)
    }
    report.end = end
    return report
  }
}

/// What a stage is called where its loop reports.
struct StageLabel: Sendable {
  /// The stage as in a pipeline text; nil where there is none.
  var text: String?
  var path: String?
}

extension BufferAccounts {
  /// Counts bytes at the peer as in flight, no more than there are: while the pipeline runs its loops are not asked at one moment.
  fileprivate mutating func moveToQueues(byteCount: Int) {
    let moved = min(byteCount, atPeerByteCount)
    atPeerByteCount -= moved
    inFlightByteCount += moved
  }
}
