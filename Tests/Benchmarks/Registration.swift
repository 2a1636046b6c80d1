import ArgumentParser
import CPlatform
import CleanQ

/// One region registered with a ring and deregistered again: cycles for both.
struct Registration: ParsableCommand {
  @Option var rounds = 200_000

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    let region = try Region(byteCount: Ring.slotCount * Ring.bufferByteCount)
    var pair = try RingQueue.pair(slotCount: Ring.slotCount)
    _ = try lap(&pair, region, rounds / 10)
    let cycles = try lap(&pair, region, rounds)
    Figure(name: "registration", unit: "cycles", value: Double(cycles) / Double(rounds)).print()
  }

  private func lap(
    _ pair: inout RingQueue.Pair, _ region: borrowing Region, _ rounds: Int
  ) throws(QueueError) -> UInt64 {
    let start = cplatform_timestamp()
    for _ in 0..<rounds {
      try pair.first.register(region)
      try pair.first.deregister(region)
    }
    return cplatform_timestamp() - start
  }
}
