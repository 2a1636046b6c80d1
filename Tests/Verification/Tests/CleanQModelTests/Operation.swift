import CleanQModel

/// One step of a trace. Any step can be tried in any state, so every part of a trace is a trace: what shrinking needs.
///
/// A buffer is named by its place in the agent's hand, modulo the number there; a region by 0 (kept by X) or 1 (by Y).
/// Prints as the Swift source that makes it.
enum Operation: Hashable, Sendable {
  case makeRegion(Int)
  case releaseRegion(Int)
  case register(Agent, Int)
  case deregister(Agent, Int)
  case carve(Int, byteCount: Int)
  case bringHome(Agent, Int)
  case setLast(Agent, Int, Bool)
  case setValid(Agent, Int, from: Int, to: Int)
  case split(Agent, Int, at: Int)
  case merge(Agent, Int, Int)
  case enqueue(Agent, Int)
  case enqueueBurst(Agent, count: Int)
  case dequeue(Agent)
  case dequeueBurst(Agent, room: Int)
  case notify(Agent)
  case fallAsleep(Agent)
  case wake(Agent)
  case destroy(Agent)
}

extension Operation: CustomStringConvertible {
  var description: String {
    switch self {
    case .makeRegion(let region): ".makeRegion(\(region))"
    case .releaseRegion(let region): ".releaseRegion(\(region))"
    case .register(let agent, let region): ".register(.\(agent), \(region))"
    case .deregister(let agent, let region): ".deregister(.\(agent), \(region))"
    case .carve(let region, let byteCount): ".carve(\(region), byteCount: \(byteCount))"
    case .bringHome(let agent, let place): ".bringHome(.\(agent), \(place))"
    case .setLast(let agent, let place, let isLast): ".setLast(.\(agent), \(place), \(isLast))"
    case .setValid(let agent, let place, let from, let to):
      ".setValid(.\(agent), \(place), from: \(from), to: \(to))"
    case .split(let agent, let place, let position): ".split(.\(agent), \(place), at: \(position))"
    case .merge(let agent, let place, let next): ".merge(.\(agent), \(place), \(next))"
    case .enqueue(let agent, let place): ".enqueue(.\(agent), \(place))"
    case .enqueueBurst(let agent, let count): ".enqueueBurst(.\(agent), count: \(count))"
    case .dequeue(let agent): ".dequeue(.\(agent))"
    case .dequeueBurst(let agent, let room): ".dequeueBurst(.\(agent), room: \(room))"
    case .notify(let agent): ".notify(.\(agent))"
    case .fallAsleep(let agent): ".fallAsleep(.\(agent))"
    case .wake(let agent): ".wake(.\(agent))"
    case .destroy(let agent): ".destroy(.\(agent))"
    }
  }
}

/// What a step came to, on either side of the comparison.
enum Outcome: Equatable {
  /// There is no such thing to do: no buffer in hand, an operation that does not compile.
  case impossible
  case done
  case refused(Objection)
  /// What was dequeued; the buffers themselves are compared as they lie in the hands.
  case taken(Int)
  case slept(Bool)
  case closed(QueueModel.Account)
}

/// What the model allows a step to come to.
enum Expectation: Equatable {
  case exactly(Outcome)
  /// Any of the objections that hold.
  case refusal(Set<Objection>)

  init(_ objections: Set<Objection>) {
    if objections.isEmpty {
      self = .exactly(.done)
    } else if objections.contains(where: { !$0.isVisible }) {
      self = .exactly(.impossible)
    } else {
      self = .refusal(objections)
    }
  }

  func allows(_ outcome: Outcome) -> Bool {
    switch (self, outcome) {
    case (.exactly(let expected), _): expected == outcome
    case (.refusal(let objections), .refused(let objection)): objections.contains(objection)
    default: false
    }
  }
}
