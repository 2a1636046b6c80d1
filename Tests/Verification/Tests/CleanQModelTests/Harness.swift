import CleanQ
import CleanQModel
import TestSupport

/// One step with what the model makes of it: made once, checked against many queues.
struct Step {
  let operation: Operation
  let expectation: Expectation
  let regions: [QueueModel.RegionID?]
  let after: Snapshot
  let brokenInvariants: [String]
}

/// Where a queue and the model part.
struct Failure: CustomStringConvertible {
  let index: Int
  let operation: Operation
  let reason: String

  var description: String { "step \(index), \(operation): \(reason)" }
}

/// A queue to test and the model to test it against.
struct Harness<Q: TestedQueue & ~Copyable> {
  let name: String
  let start: ModelWorld
  /// Those with an end of their own.
  let agents: [Agent]
  let make: () throws -> Ends<Q>

  /// One step of the model.
  func advance(_ world: inout ModelWorld, _ operation: Operation) -> Step {
    let expectation = agents.contains(operation.agent) ? world.perform(operation) : .exactly(.impossible)
    return Step(
      operation: operation, expectation: expectation, regions: world.regions, after: Snapshot(world, agents: agents),
      brokenInvariants: world.model.brokenInvariants)
  }

  /// The model's way through a trace.
  func steps(_ trace: [Operation], from world: ModelWorld? = nil) -> (steps: [Step], end: ModelWorld) {
    var world = world ?? start
    let steps = trace.map { advance(&world, $0) }
    return (steps, world)
  }

  /// Runs a trace on a new queue, with the model beside it.
  ///
  /// - Returns: the first step where they part, or nil.
  func failure(of trace: [Operation]) -> Failure? { failure(of: steps(trace + coda).steps) }

  /// What every trace ends with: all that is in flight is taken and looked at, and both ends close.
  var coda: [Operation] {
    agents.map { .dequeueBurst($0, room: Burst.capacity) } + agents.map { .destroy($0) }
  }

  func failure(of steps: [Step]) -> Failure? {
    guard let ends = try? make() else {
      return Failure(index: 0, operation: .makeRegion(0), reason: "there is no queue")
    }
    let real = RealWorld(ends)
    for (index, step) in steps.enumerated() {
      if let reason = check(step, real) { return Failure(index: index, operation: step.operation, reason: reason) }
    }
    return nil
  }

  private func check(_ step: Step, _ real: RealWorld<Q>) -> String? {
    guard step.brokenInvariants.isEmpty else { return "the model breaks \(step.brokenInvariants)" }
    guard step.expectation != .exactly(.impossible) else { return nil }
    let outcome = real.perform(step.operation, byteCount: ModelWorld.regionByteCount)
    guard step.expectation.allows(outcome) else { return "came to \(outcome), the model allows \(step.expectation)" }
    if case .makeRegion(let number) = step.operation, let id = step.regions[number] { real.name(region: number, id) }
    let seen = Snapshot(real, agents: agents, expected: step.after)
    return step.after.difference(from: seen)
  }
}

extension Operation {
  /// Who does it.
  var agent: Agent {
    switch self {
    case .makeRegion(let number), .releaseRegion(let number), .carve(let number, _): ModelWorld.keepers[number]
    case .register(let agent, _), .deregister(let agent, _), .bringHome(let agent, _), .setLast(let agent, _, _),
      .setValid(let agent, _, _, _), .split(let agent, _, _), .merge(let agent, _, _), .enqueue(let agent, _),
      .enqueueBurst(let agent, _), .dequeue(let agent), .dequeueBurst(let agent, _), .notify(let agent),
      .fallAsleep(let agent), .wake(let agent), .destroy(let agent):
      agent
    }
  }
}

/// A ring against the model.
func ringHarness(slotCount: Int, capacity: Int? = nil) -> Harness<RingQueue> {
  Harness(
    name: "RingQueue of \(slotCount)" + (capacity.map { " against a model of \($0)" } ?? ""),
    start: ModelWorld(model: QueueModel(capacity: capacity ?? slotCount)),
    agents: [.x, .y]
  ) {
    var pair: RingQueue.Pair? = try RingQueue.pair(slotCount: slotCount)
    guard let pair = pair.take() else { preconditionFailure("there is a pair") }
    return Ends(pair)
  }
}

extension Ends where Q == RingQueue {
  init(_ pair: consuming RingQueue.Pair) { self.init(pair.first, pair.second) }
}

/// A loopback against the model of one.
func loopbackHarness() -> Harness<LoopbackQueue> {
  Harness(
    name: "LoopbackQueue", start: ModelWorld(model: QueueModel(capacity: Burst.capacity, shape: .loopback)),
    agents: [.x]
  ) { Ends(LoopbackQueue()) }
}
