import CleanQ
import CleanQModel
import Testing
import TestSupport

/// A burst of n is n singles: of the model, and, each beside it, of the queues.
@Suite("A burst is so many singles", .serialized) struct BurstEquivalenceTests {
  private static let lengths = [0, 1, 2, 3, 4, 5]

  @Test("enqueue", arguments: lengths, seeds(3))
  func enqueue(count: Int, seed: UInt64) {
    compare(ringHarness(slotCount: 4), .enqueueBurst(.x, count: count), count, .enqueue(.x, 0), seed)
    compare(ringHarness(slotCount: 4), .enqueueBurst(.y, count: count), count, .enqueue(.y, 0), seed)
    compare(loopbackHarness(), .enqueueBurst(.x, count: count), count, .enqueue(.x, 0), seed)
  }

  @Test("dequeue", arguments: lengths, seeds(3))
  func dequeue(count: Int, seed: UInt64) {
    compare(ringHarness(slotCount: 4), .dequeueBurst(.x, room: count), count, .dequeue(.x), seed)
    compare(ringHarness(slotCount: 4), .dequeueBurst(.y, room: count), count, .dequeue(.y), seed)
    compare(loopbackHarness(), .dequeueBurst(.x, room: count), count, .dequeue(.x), seed)
  }

  /// From a random state: the burst, and in another world that many singles. All buffers end their runs, since a buffer
  /// alone is a run alone.
  private func compare<Q: TestedQueue & ~Copyable>(
    _ harness: Harness<Q>, _ burst: Operation, _ count: Int, _ single: Operation, _ seed: UInt64
  ) {
    var random = SeededGenerator(seed: seed)
    let agents = harness.agents
    let prefix = randomTrace(30, agents: agents, using: &random).filter { operation in
      if case .setLast = operation { return false }
      if case .destroy = operation { return false }
      return true
    }
    // As many singles as there are buffers in hand: the place 0 would wrap round, and a refused one would be tried again.
    let (_, before) = harness.steps(prefix)
    let hand = before.model.hand[burst.agent, default: []].count
    let singles = [Operation](repeating: single, count: single == .enqueue(burst.agent, 0) ? min(count, hand) : count)
    for trace in [prefix + [burst], prefix + singles] {
      if let report = harness.report(trace, seed: seed) { Issue.record("\(report)") }
    }
    let (burstSteps, afterBurst) = harness.steps(prefix + [burst])
    let (singleSteps, afterSingles) = harness.steps(prefix + singles)
    #expect(afterBurst == afterSingles, "seed \(seed)")
    // What the burst came to is what the first single that was refused came to.
    guard case .enqueueBurst = burst else { return }
    let refused = singleSteps.dropFirst(prefix.count).first { $0.expectation != .exactly(.done) }
    #expect(burstSteps.last?.expectation == refused?.expectation ?? .exactly(.done), "seed \(seed)")
  }
}
