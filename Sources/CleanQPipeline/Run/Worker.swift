internal import CleanQ

/// One loop of a pipeline, which runs on one thread: what every loop can be asked to do, whatever ports it joins.
class Worker {
  /// The CPU that the loop is pinned to, or nil.
  var cpu: Int?

  /// Buffers that the devices of this loop want: below, and at its right end.
  var wantedBuffers: (left: Int, right: Int) { fatalError("abstract") }
  var wantedBufferByteCount: Int { fatalError("abstract") }

  /// Registers the region with the left port, and with the right one where the loop is the last.
  func register(_ region: borrowing Region, isLast: Bool) throws(QueueError) { fatalError("abstract") }

  /// Carves buffers and gives them to the ports' receive queues.
  func prime(from region: borrowing Region, left: Int, right: Int, byteCount: Int) { fatalError("abstract") }

  /// Runs the loop until the pipeline stops. Afterwards the ports are closed and ``outcome`` is set.
  func run(_ control: RunControl, index: Int, isLast: Bool) { fatalError("abstract") }

  /// What the loop said when it was at rest.
  var outcome = WorkerOutcome()
}

/// What a loop leaves behind.
struct WorkerOutcome {
  /// The stages of its left port, bottom up, then those of its right port.
  var reports: [StageReport] = []
  /// Everything it and what is below it held when all loops were at rest.
  var held = Census()
  /// What it should have held: in the last loop all buffers that exist, in another what the cable above it has counted.
  var expectedByteCount = 0
  /// In the last loop, the buffers that exist.
  var bufferCount = 0
}
