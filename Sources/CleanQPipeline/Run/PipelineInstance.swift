internal import CleanQ
internal import Logging

/// One copy of a running pipeline: its loops, left to right, and the memory that goes round in them.
final class PipelineInstance {
  let workers: [Worker]
  let memory: PipelineMemory
  /// How many buffers go round. At the end a stage may send home what it kept for itself; they are counted all the same.
  let bufferCount: Int

  /// Gives the opened loops their memory.
  ///
  /// - Throws: StageError where there is none, or where a stage cannot use it.
  init(_ workers: [Worker], placements: [Placement], _ logger: Logger) throws(StageError) {
    guard let last = workers.last else { throw StageError("pipeline", "has no stages") }
    self.workers = workers
    for (worker, placement) in zip(workers, placements) {
      guard case .cpu(let cpu) = placement else { continue }
      guard Threads.isAllowed(cpu: cpu) else {
        throw StageError("pipeline", "this process may not run on CPU \(cpu); choose another")
      }
      worker.cpu = cpu
    }
    let wanted = Self.wantedBuffers(workers, last: last)
    memory = try PipelineMemory(wanted, logger)
    for worker in workers {
      if let error = worker.register(memory.region, worker === last) { throw StageError("pipeline", error) }
    }
    last.prime(memory.region, wanted)
    bufferCount = memory.region.liveBufferCount
  }

  /// What all loops together want of the last: buffers for the devices below it and for that at its right end.
  private static func wantedBuffers(_ workers: [Worker], last: Worker) -> WantedBuffers {
    let each = workers.map { $0.wanted() }
    let byteCount = each.reduce(2048) { max($0, ($1.byteCount + 63) / 64 * 64) }
    return WantedBuffers(
      left: each.reduce(0) { $0 + $1.left }, right: last.wanted().right, byteCount: byteCount,
      backing: each.contains { $0.backing == .shared } ? .shared : .anonymous)
  }

  /// Runs one of the loops; returns when it is at rest and closed.
  func run(_ worker: Worker, _ control: RunControl) {
    worker.run(control, worker.index, worker === workers.last ? memory : nil)
    control.noteEnd(of: worker.index)
  }
}
