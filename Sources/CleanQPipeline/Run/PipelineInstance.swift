internal import CleanQ
internal import Logging

/// One copy of a running pipeline: its loops, in the order of the text, and the memory that goes round in them.
final class PipelineInstance {
  let workers: [Worker]
  /// The loop that owns the memory.
  let owner: Worker
  let memory: PipelineMemory
  /// How many buffers go round. At the end a stage may send home what it kept for itself; they are counted all the same.
  let bufferCount: Int

  /// Gives the opened loops their memory.
  ///
  /// - Throws: StageError where there is none, or where a stage cannot use it.
  init(_ workers: [Worker], placements: [Placement], _ logger: Logger) throws(StageError) {
    self.workers = workers.sorted { $0.segment.number < $1.segment.number }
    // Below the first fork, or without one the topmost.
    guard let owner = self.workers.last(where: { $0.segment.branch == nil }) else {
      throw StageError("pipeline", "has no stages")
    }
    self.owner = owner
    for (worker, placement) in zip(self.workers, placements) {
      guard case .cpu(let cpu) = placement else { continue }
      guard Threads.isAllowed(cpu: cpu) else {
        throw StageError("pipeline", "this process is not allowed to run on CPU \(cpu); choose another")
      }
      worker.cpu = cpu
    }
    let wanted = Self.wantedBuffers(self.workers, owner: owner)
    memory = try PipelineMemory(wanted, logger)
    for worker in self.workers {
      let registersRight = worker === owner || worker.segment.branch != nil
      if let error = worker.register(memory.region, registersRight) { throw StageError("pipeline", error) }
    }
    // Each fork shares out what it is served from: those of the loops below first.
    for worker in self.workers where worker === owner || worker.segment.branch != nil {
      // Without a device below there are no buffers; there are shares all the same.
      let count = worker.segment.branch?.shareCount ?? max(wanted.left, Burst.capacity)
      if let error = worker.shareOut(count) { throw StageError("pipeline", error.context) }
    }
    owner.prime(memory.region, wanted)
    bufferCount = memory.region.liveBufferCount
  }

  /// What all loops together want of the owner: buffers for the devices below it and for those at its right end, which are
  /// also those of loops above.
  private static func wantedBuffers(_ workers: [Worker], owner: Worker) -> WantedBuffers {
    let each = workers.map { $0.wanted() }
    let byteCount = each.reduce(2048) { max($0, ($1.byteCount + 63) / 64 * 64) }
    return WantedBuffers(
      left: each.reduce(0) { $0 + $1.left }, right: owner.wanted().right, byteCount: byteCount,
      backing: each.contains { $0.backing == .shared } ? .shared : .anonymous)
  }

  /// Runs one of the loops; returns when it is at rest and closed.
  func run(_ worker: Worker, _ control: RunControl) {
    let place: LoopPlace = worker === owner ? .owner(memory) : worker.segment.branch == nil ? .below : .above
    worker.run(control, worker.index, place)
    control.noteEnd(of: worker.index)
  }
}
