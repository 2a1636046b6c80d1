import ArgumentParser
import CPlatform
import CleanQ

/// A region registered with a ring and deregistered again: cycles for both. Each is registered once, since a deregistered
/// region is dead to its queue; making it is not measured.
struct Registration: ParsableCommand {
  @Option var rounds = 10_000

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    var pair = try RingQueue.pair(slotCount: Ring.slotCount)
    _ = try lap(&pair, rounds / 10)
    let cycles = try lap(&pair, rounds)
    Figure(name: "registration", unit: "cycles", value: Double(cycles) / Double(rounds)).print()
  }

  private func lap(_ pair: inout RingQueue.Pair, _ rounds: Int) throws -> UInt64 {
    var cycles: UInt64 = 0
    for _ in 0..<rounds {
      let region = try Region(byteCount: Ring.bufferByteCount, pages: .ordinary)
      let start = cplatform_timestamp()
      try pair.first.register(region)
      try pair.first.deregister(region)
      cycles += cplatform_timestamp() - start
    }
    return cycles
  }
}
