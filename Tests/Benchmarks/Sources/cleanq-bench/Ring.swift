import ArgumentParser
import CleanQ

/// Buffers through a ring of 1024 slots, all checks of the contract on.
struct Ring: ParsableCommand {
  static let slotCount = 1024
  static let bufferByteCount = 2048

  @OptionGroup var circulation: Circulation

  func run() throws {
    let pair = try RingQueue.pair(slotCount: Self.slotCount)
    try circulation.measure("ring", pair.first, pair.second).print()
  }
}

/// The same through a checked queue at either end, which keeps a ledger of who owns each byte. The difference from `ring`
/// of the same shape is the price of one checked enqueue and one checked dequeue.
struct Checked: ParsableCommand {
  @OptionGroup var circulation: Circulation

  func run() throws {
    let pair = try RingQueue.pair(slotCount: Ring.slotCount)
    let first = CheckedQueue(pair.first) { fatalError("\($0)") }
    let second = CheckedQueue(pair.second) { fatalError("\($0)") }
    try circulation.measure("checked", first, second).print()
  }
}
