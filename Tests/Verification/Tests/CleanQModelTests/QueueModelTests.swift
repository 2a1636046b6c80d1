import CleanQ
import CleanQModel
import Testing
import TestSupport

/// The real queues beside the model. See Harness.swift for what is compared.
@Suite("Queues against the model", .serialized) struct QueueModelTests {
  @Test("random traces: a ring of 2", arguments: seeds(40))
  func randomSmallRing(seed: UInt64) { runRandom(ringHarness(slotCount: 2), seed) }

  @Test("random traces: a ring of 4", arguments: seeds(40))
  func randomRing(seed: UInt64) { runRandom(ringHarness(slotCount: 4), seed) }

  @Test("random traces: a loopback", arguments: seeds(40))
  func randomLoopback(seed: UInt64) { runRandom(loopbackHarness(), seed) }

  private func runRandom<Q: TestedQueue & ~Copyable>(_ harness: Harness<Q>, _ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let trace = randomTrace(120, agents: harness.agents, using: &random)
    if let report = harness.report(trace, seed: seed) { Issue.record("\(report)") }
  }

  private static let both: [Agent] = [.x, .y]

  @Test("every trace of 8 transfers: 2 slots, 3 buffers, both agents")
  func everyTransfer() {
    let harness = ringHarness(slotCount: 2)
    let alphabet = Self.both.flatMap { [.enqueue($0, 0), .dequeue($0)] as [Operation] }
    report(runEveryTrace(of: alphabet, depth: 8, after: threeBuffers, on: harness), harness)
  }

  @Test("every trace of 5 transfers and bursts: 2 slots, 3 buffers, both agents")
  func everyBurst() {
    let harness = ringHarness(slotCount: 2)
    let alphabet = Self.both.flatMap {
      [.enqueue($0, 0), .dequeue($0), .enqueueBurst($0, count: 3), .dequeueBurst($0, room: 32)] as [Operation]
    }
    report(runEveryTrace(of: alphabet, depth: 5, after: threeBuffers, on: harness), harness)
  }

  @Test("transfers, runs, registration, close in every state, up to 8 steps: 2 slots, 3 buffers, both agents")
  func everyTransferState() {
    let harness = ringHarness(slotCount: 2)
    let alphabet = Self.both.flatMap {
      [
        .enqueue($0, 0), .enqueueBurst($0, count: 3), .setLast($0, 0, false), .dequeue($0), .dequeueBurst($0, room: 32),
        .register($0, 0), .deregister($0, 0), .destroy($0),
      ] as [Operation]
    }
    report(runEveryState(of: alphabet, depth: 8, after: threeBuffers, on: harness), harness)
  }

  @Test("every operation in every state, up to 4 steps: 2 slots, 3 buffers, both agents")
  func everyState() {
    let harness = ringHarness(slotCount: 2)
    report(runEveryState(of: wholeAlphabet(Self.both), depth: 4, after: threeBuffers, on: harness), harness)
  }

  @Test("every operation in every state, up to 4 steps: a loopback, 3 buffers")
  func everyLoopbackState() {
    let harness = loopbackHarness()
    report(runEveryState(of: wholeAlphabet([.x]), depth: 4, after: threeBuffers, on: harness), harness)
  }

  private func wholeAlphabet(_ agents: [Agent]) -> [Operation] {
    [.releaseRegion(0), .makeRegion(0), .carve(0, byteCount: 4)]
      + agents.flatMap {
        [
          .enqueue($0, 0), .enqueueBurst($0, count: 3), .setLast($0, 0, false), .dequeue($0),
          .dequeueBurst($0, room: 2), .split($0, 0, at: 2), .merge($0, 0, 1), .bringHome($0, 0), .register($0, 0),
          .deregister($0, 0), .notify($0),
          .fallAsleep($0), .destroy($0),
        ] as [Operation]
      }
  }

  private func report<Q: TestedQueue & ~Copyable>(_ tally: @autoclosure () -> Tally, _ harness: Harness<Q>) {
    let clock = ContinuousClock()
    let start = clock.now
    let tally = tally()
    print("\(harness.name): \(tally), \(clock.now - start)")
    if let trace = tally.failure, let report = harness.report(trace, seed: nil) { Issue.record("\(report)") }
  }
}
