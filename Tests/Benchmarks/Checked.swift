import ArgumentParser
import CPlatform
import CleanQ

/// What a check costs: buffers through a ring as in `ring` on one core, with a checked queue at either end.
///
/// Each pass is one checked enqueue and one checked dequeue. The difference from `ring/cores=1` with the same burst is the
/// price of both.
struct Checked: ParsableCommand {
  @Option var cores = 1
  @Option var burst = 32
  @Option(help: "How many buffers circulate, a multiple of the burst; one burst unless given.")
  var buffers: Int?
  @Option(help: "Passes through the ring.")
  var passes = 20_000_000

  func validate() throws {
    guard cores == 1, (1...Burst.capacity).contains(burst), passes > 0 else {
      throw ValidationError("--cores 1, --burst 1 to \(Burst.capacity), --passes more than 0")
    }
    let count = buffers ?? burst
    let isOneBurst = count == burst || burst == 1 || burst == Burst.capacity
    guard count >= burst, count % burst == 0, count <= Ring.slotCount, isOneBurst else {
      throw ValidationError("--buffers is a multiple of the burst, which is then 1 or 32; up to \(Ring.slotCount)")
    }
  }

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    let buffers = buffers ?? burst
    let region = try Region(byteCount: buffers * Ring.bufferByteCount)
    let pair = try RingQueue.pair(slotCount: Ring.slotCount)
    var first = CheckedQueue(pair.first) { fatalError("\($0)") }
    var second = CheckedQueue(pair.second) { fatalError("\($0)") }
    try first.register(region)
    for _ in 0..<(buffers / burst) {
      var some = carve(burst, from: region)
      if first.enqueue(&some) != nil { fatalError("refused") }
    }
    let laps = passes / burst / 2
    _ = burst == 1 ? single(&first, &second, laps / 10) : bursts(&first, &second, laps / 10)
    let cycles = burst == 1 ? single(&first, &second, laps) : bursts(&first, &second, laps)
    let value = Double(cycles) / Double(laps * burst * 2)
    let size = buffers == burst ? "" : "/buffers=\(buffers)"
    Figure(name: "checked/cores=1/burst=\(burst)\(size)", unit: "cycles/buffer", value: value).print()
  }

  /// Each lap takes the oldest buffer there and brings it back.
  private func single(
    _ first: inout CheckedQueue<RingQueue>, _ second: inout CheckedQueue<RingQueue>, _ laps: Int
  ) -> UInt64 {
    let start = cplatform_timestamp()
    for _ in 0..<laps {
      guard let there = second.dequeue() else { fatalError("lost") }
      if second.enqueue(there) != nil { fatalError("refused") }
      guard let back = first.dequeue() else { fatalError("lost") }
      if first.enqueue(back) != nil { fatalError("refused") }
    }
    return cplatform_timestamp() - start
  }

  private func bursts(
    _ first: inout CheckedQueue<RingQueue>, _ second: inout CheckedQueue<RingQueue>, _ laps: Int
  ) -> UInt64 {
    var some = Burst()
    let start = cplatform_timestamp()
    for _ in 0..<laps {
      second.dequeue(into: &some)
      if second.enqueue(&some) != nil { fatalError("refused") }
      first.dequeue(into: &some)
      if first.enqueue(&some) != nil { fatalError("refused") }
    }
    return cplatform_timestamp() - start
  }
}
