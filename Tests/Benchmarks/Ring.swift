import ArgumentParser
import CPlatform
import CleanQ

/// Buffers through a ring of 1024 slots, all checks on, in time-stamp cycles per buffer enqueued and dequeued.
///
/// On one core one thread moves buffers from one end to the other and back. On two cores each end has a thread: one sends,
/// the other sends back, so that every buffer passes the ring twice per lap, and a lap counts as two passes.
struct Ring: ParsableCommand {
  static let slotCount = 1024
  static let bufferByteCount = 2048

  @Option var cores = 1
  @Option var burst = 1
  @Option(help: "Passes through the ring.")
  var passes = 40_000_000

  func validate() throws {
    guard [1, 2].contains(cores), (1...Burst.capacity).contains(burst), passes > 0 else {
      throw ValidationError("--cores 1 or 2, --burst 1 to \(Burst.capacity), --passes more than 0")
    }
  }

  func run() throws {
    let cycles = cores == 1 ? try oneCore() : try twoCores()
    Figure(name: "ring/cores=\(cores)/burst=\(burst)", unit: "cycles/buffer", value: cycles).print()
  }

  private func oneCore() throws -> Double {
    _ = cplatform_pin_current_thread(0)
    let region = try Region(byteCount: Burst.capacity * Self.bufferByteCount)
    var pair = try RingQueue.pair(slotCount: Self.slotCount)
    try pair.first.register(region)
    var buffers = carve(burst, from: region)
    let laps = passes / burst
    _ = burst == 1 ? single(&pair, &buffers, laps / 10) : bursts(&pair, &buffers, laps / 10)
    let cycles = burst == 1 ? single(&pair, &buffers, laps) : bursts(&pair, &buffers, laps)
    return Double(cycles) / Double(laps * burst)
  }

  /// One buffer back and forth. Half of the laps go each way.
  private func single(_ pair: inout RingQueue.Pair, _ buffers: inout Burst, _ laps: Int) -> UInt64 {
    guard var buffer = buffers.popFirst() else { return 0 }
    let start = cplatform_timestamp()
    for _ in 0..<(laps / 2) {
      if pair.first.enqueue(buffer) != nil { fatalError("refused") }
      guard let there = pair.second.dequeue() else { fatalError("lost") }
      if pair.second.enqueue(there) != nil { fatalError("refused") }
      guard let back = pair.first.dequeue() else { fatalError("lost") }
      buffer = back
    }
    let cycles = cplatform_timestamp() - start
    buffers.append(buffer)
    return cycles
  }

  private func bursts(_ pair: inout RingQueue.Pair, _ buffers: inout Burst, _ laps: Int) -> UInt64 {
    let start = cplatform_timestamp()
    for _ in 0..<(laps / 2) {
      if pair.first.enqueue(&buffers) != nil { fatalError("refused") }
      pair.second.dequeue(into: &buffers)
      if pair.second.enqueue(&buffers) != nil { fatalError("refused") }
      pair.first.dequeue(into: &buffers)
    }
    return cplatform_timestamp() - start
  }

  private func twoCores() throws -> Double {
    let region = try Region(byteCount: Self.slotCount * Self.bufferByteCount)
    let pair = try RingQueue.pair(slotCount: Self.slotCount)
    var first = pair.first
    try first.register(region)
    let reflector = Reflector(pair.second, burst: burst)
    reflector.start()
    _ = cplatform_pin_current_thread(0)
    var spare = Burst()
    // Three quarters of the slots: both directions always have some to take and room to give.
    for _ in 0..<(Self.slotCount / 4 * 3 / Burst.capacity) {
      spare = carve(Burst.capacity, from: region)
      while !spare.isEmpty { _ = first.enqueue(&spare) }
    }
    _ = lap(&first, passes / 20)
    let cycles = lap(&first, passes / 2)
    reflector.stop()
    return Double(cycles) / Double(passes)
  }

  /// Takes what comes back and sends it again until `count` buffers came back.
  private func lap(_ queue: inout RingQueue, _ count: Int) -> UInt64 {
    var returned = 0
    let start = cplatform_timestamp()
    if burst == 1 {
      while returned < count {
        guard let buffer = queue.dequeue() else { continue }
        if queue.enqueue(buffer) != nil { fatalError("refused") }
        returned += 1
      }
    } else {
      var buffers = Burst()
      while returned < count {
        queue.dequeue(into: &buffers)
        returned += buffers.count
        while !buffers.isEmpty { _ = queue.enqueue(&buffers) }
      }
    }
    return cplatform_timestamp() - start
  }
}

func carve(_ count: Int, from region: borrowing Region) -> Burst {
  var burst = Burst()
  for _ in 0..<count {
    guard let buffer = region.buffer(byteCount: Ring.bufferByteCount) else { fatalError("the region is too small") }
    burst.append(buffer)
  }
  return burst
}
