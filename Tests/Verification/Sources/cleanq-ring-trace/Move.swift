/// One thing that an agent may try. Buffers are meant by their place in the agent's hand, regions by number, calls by their place
/// in ``TracedEnd/offers`` and ``TracedEnd/takes``.
enum Move {
  case register(Agent, Int)
  case deregister(Agent, Int)
  /// Another region in the place of one that is registered nowhere and has no buffers.
  case renew(Int)
  case carve(Int, byteCount: Int)
  case release(Agent, Int)
  case toggleLast(Agent, Int)
  case setValid(Agent, Int, from: Int, byteCount: Int)
  case split(Agent, Int, at: Int)
  case merge(Agent, Int, Int)
  case offerOne(Agent, Int)
  case offer(Agent, count: Int, call: Int)
  case takeOne(Agent)
  case take(Agent, room: Int, call: Int)
  case arm(Agent)
  case refusal(Agent, Int)
  case exhaustion(Agent)
  case close(Agent)

  /// Any move: transfer more often than the rest.
  static func random(callCount: Int, using random: inout some RandomNumberGenerator) -> Move {
    let agent: Agent = Bool.random(using: &random) ? .x : .y
    let region = Int.random(in: 0..<10, using: &random) < 7 ? 0 : 1
    let place = Int.random(in: 0..<8, using: &random)
    let call = Int.random(in: 0..<callCount, using: &random)
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<14: return .offerOne(agent, place)
    case 14..<30: return .offer(agent, count: Int.random(in: 0...6, using: &random), call: call)
    case 30..<40: return .takeOne(agent)
    case 40..<52: return .take(agent, room: [1, 2, 3, 32].randomElement(using: &random) ?? 32, call: call)
    case 52..<58: return .toggleLast(agent, place)
    case 58..<60:
      let from = Int.random(in: 0...8, using: &random)
      return .setValid(agent, place, from: from, byteCount: Int.random(in: 0...8, using: &random))
    case 60..<64: return .split(agent, place, at: Int.random(in: 0...6, using: &random))
    case 64..<68: return .merge(agent, place, Int.random(in: 0..<8, using: &random))
    case 68..<77: return .carve(region, byteCount: Int.random(in: 1...12, using: &random))
    case 77..<80: return .release(agent, place)
    case 80..<85: return .register(agent, region)
    case 85..<88: return .deregister(agent, region)
    case 88..<92: return .renew(region)
    case 92..<95: return .arm(agent)
    case 95..<97: return .refusal(agent, region)
    case 97..<99: return .exhaustion(agent)
    // Rarely, or most of a trace would have one end only.
    default: return Int.random(in: 0..<2, using: &random) == 0 ? .close(agent) : .arm(agent)
    }
  }

  /// What is tried in every order.
  static func alphabet(offers: Int, takes: Int, hasSingles: Bool) -> [Move] {
    var moves: [Move] = [.toggleLast(.x, 0), .release(.y, 0), .deregister(.x, 0), .close(.x)]
    for agent in Agent.allCases {
      if hasSingles { moves += [.offerOne(agent, 0), .takeOne(agent)] }
      for call in 0..<offers { moves.append(.offer(agent, count: 3, call: call)) }
      for call in 0..<takes { moves.append(.take(agent, room: 2, call: call)) }
    }
    return moves
  }
}
