import CleanQModel

/// What an enumeration did.
struct Tally: CustomStringConvertible {
  var traceCount = 0
  var stepCount = 0
  var stateCount = 0
  var failure: [Operation]?

  var description: String {
    "\(traceCount) traces, \(stepCount) steps" + (stateCount > 0 ? ", \(stateCount) states" : "")
  }
}

/// Runs *every* trace of up to `depth` steps over an alphabet, on new queues, behind the preparation.
///
/// Left out is only what the contract cannot tell apart: steps that are impossible; and of several steps in a row that
/// change nothing (refused, or empty-handed), all but one order, and repetitions. Shorter traces are the beginnings of
/// those of full length.
func runEveryTrace<Q: TestedQueue & ~Copyable>(
  of alphabet: [Operation], depth: Int, after preparation: [Operation], on harness: Harness<Q>
) -> Tally {
  var tally = Tally()
  let (prepared, world) = harness.steps(preparation)

  func walk(_ world: ModelWorld, _ path: [Step], _ depth: Int, lastIdle: Int) {
    guard tally.failure == nil else { return }
    var isLeaf = true
    for (index, operation) in alphabet.enumerated() where depth > 0 {
      var next = world
      let step = harness.advance(&next, operation)
      guard step.expectation != .exactly(.impossible) else { continue }
      let isIdle = next == world
      if isIdle, index <= lastIdle { continue }
      isLeaf = false
      walk(next, path + [step], depth - 1, lastIdle: isIdle ? index : -1)
    }
    guard isLeaf else { return }
    let steps = path + harness.steps(harness.coda, from: world).steps
    tally.traceCount += 1
    tally.stepCount += path.count - prepared.count
    if harness.failure(of: steps) != nil { tally.failure = path.map(\.operation) }
  }

  walk(world, prepared, depth, lastIdle: -1)
  return tally
}

/// Runs every operation of an alphabet in *every state* that is reachable in fewer than `depth` steps, each state reached
/// by a shortest trace.
///
/// A state is the model's together with how far each direction of the ring has moved, modulo its slots. In each state all
/// operations that change nothing are tried in one trace, each other one in a trace of its own.
func runEveryState<Q: TestedQueue & ~Copyable>(
  of alphabet: [Operation], depth: Int, after preparation: [Operation], on harness: Harness<Q>
) -> Tally {
  var tally = Tally()
  let (prepared, world) = harness.steps(preparation)
  var seen: Set<StateKey> = [StateKey(world: world)]
  var frontier = [(key: StateKey(world: world), path: prepared)]

  func run(_ path: [Step], from world: ModelWorld) {
    tally.traceCount += 1
    tally.stepCount += path.count - prepared.count
    if harness.failure(of: path + harness.steps(harness.coda, from: world).steps) != nil {
      tally.failure = tally.failure ?? path.map(\.operation)
    }
  }

  for level in 0..<depth {
    var reached: [(key: StateKey, path: [Step])] = []
    for (key, path) in frontier where tally.failure == nil {
      var idle: [Step] = []
      for operation in alphabet {
        var next = key
        let step = next.advance(operation, on: harness)
        guard step.expectation != .exactly(.impossible) else { continue }
        if next == key {
          idle.append(step)
          continue
        }
        run(path + [step], from: next.world)
        if level + 1 < depth, seen.insert(next).inserted { reached.append((next, path + [step])) }
      }
      run(path + idle, from: key.world)
    }
    frontier = reached
  }
  tally.stateCount = seen.count
  return tally
}

/// The model's state and the positions of the two directions of the ring.
private struct StateKey: Hashable {
  var world: ModelWorld
  var positions: [Agent: Int] = [.x: 0, .y: 0]

  init(world: ModelWorld) { self.world = world }

  mutating func advance<Q: TestedQueue & ~Copyable>(_ operation: Operation, on harness: Harness<Q>) -> Step {
    let before = world.model
    let step = harness.advance(&world, operation)
    for agent in Agent.allCases {
      let added = world.model.sequence[agent, default: []].count - before.sequence[agent, default: []].count
      guard added > 0 else { continue }
      positions[agent] = (positions[agent, default: 0] + added) % before.capacity
    }
    return step
  }
}
