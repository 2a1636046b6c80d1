import CleanQ
import CleanQModel
import Testing
import TestSupport

/// The test bites: queues and models that are wrong in one way are found, and the trace that shows it is short.
@Suite("Defects are found", .serialized) struct DefectTests {
  @Test("random traces: a plain queue without a defect", arguments: seeds(40))
  func sound(seed: UInt64) {
    let harness = plainHarness(capacity: 2, defect: nil)
    var random = SeededGenerator(seed: seed)
    let trace = randomTrace(120, agents: harness.agents, using: &random)
    if let report = harness.report(trace, seed: seed) { Issue.record("\(report)") }
  }

  @Test("a queue with a defect", arguments: Defect.allCases)
  func defect(_ defect: Defect) { expectFound(plainHarness(capacity: 2, defect: defect)) }

  @Test("a ring against a model of the wrong size", arguments: [1, 3])
  func wrongModel(capacity: Int) { expectFound(ringHarness(slotCount: 2, capacity: capacity)) }

  /// Looks for the defect with seeds 1, 2, ..., and shrinks the first trace that shows it.
  private func expectFound<Q: TestedQueue & ~Copyable>(_ harness: Harness<Q>) {
    for seed in 1...60 as ClosedRange<UInt64> {
      var random = SeededGenerator(seed: seed)
      let trace = randomTrace(120, agents: harness.agents, using: &random)
      guard let failure = harness.failure(of: trace) else { continue }
      let short = shrunk(Array(trace.prefix(failure.index + 1))) { harness.failure(of: $0) != nil }
      let reason = harness.failure(of: short).map { "\($0)" } ?? "nothing"
      print("\(harness.name): found with seed \(seed), \(short.count) steps: \(short); \(reason.prefix(160))")
      #expect(short.count <= 10, "\(harness.name): \(short)")
      for index in short.indices {
        var shorter = short
        shorter.remove(at: index)
        check(harness.failure(of: shorter) == nil, "step \(index) of \(short) is not needed")
      }
      return
    }
    Issue.record("\(harness.name): no trace shows it")
  }

  /// A random test that never gets anywhere finds nothing: over the usual seeds, each step both succeeds and is refused for
  /// each reason that there is.
  @Test("random traces reach every operation and every objection")
  func coverage() {
    let harness = ringHarness(slotCount: 2)
    var done: Set<Substring> = []
    var objections: Set<Substring> = []
    for seed in 1...40 as ClosedRange<UInt64> {
      var random = SeededGenerator(seed: seed)
      for step in harness.steps(randomTrace(120, agents: harness.agents, using: &random)).steps {
        switch step.expectation {
        case .exactly(.impossible), .exactly(.taken(0)), .exactly(.slept(false)): break
        case .exactly: done.insert(kind(step.operation))
        case .refusal(let reasons): objections.formUnion(reasons.map { kind($0) })
        }
      }
    }
    #expect(done.count == 18, "\(done.sorted())")
    let expected: Set<Substring> = [
      "full", "unknownRegion", "incompleteChain", "closed", "alreadyRegistered", "retired", "notRegistered",
      "notRegistrar",
      "elsewhere",
      "inUse", "registered", "noSuchCut", "notAdjacent",
    ]
    #expect(objections == expected, "\(objections.symmetricDifference(expected))")
  }

  /// The name of an enumeration's case, without what it holds.
  private func kind(_ value: some Any) -> Substring {
    let text = "\(value)".drop { $0 == "." }
    return text.prefix { $0 != "(" }.split(separator: ".").last ?? text
  }

  @Test("shrinking keeps what is needed and nothing else")
  func shrinking() {
    var random = SeededGenerator(seed: 7)
    let trace = randomTrace(200, agents: [.x, .y], using: &random)
    let isNeeded = { (trace: [Operation]) in
      guard let first = trace.firstIndex(of: .carve(0, byteCount: 4)) else { return false }
      return trace[first...].contains(.notify(.y))
    }
    #expect(isNeeded(trace))
    #expect(shrunk(trace, fails: isNeeded) == [.carve(0, byteCount: 4), .notify(.y)])
  }

  @Test("a seed gives the same trace again")
  func replay() {
    var first = SeededGenerator(seed: 42)
    var second = SeededGenerator(seed: 42)
    #expect(randomTrace(50, agents: [.x], using: &first) == randomTrace(50, agents: [.x], using: &second))
  }
}
