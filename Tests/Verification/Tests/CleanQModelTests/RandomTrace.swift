import CleanQModel
import TestSupport

/// Region 0 is X's, registered, and cut into three buffers of four bytes.
let threeBuffers: [Operation] = [
  .makeRegion(0), .register(.x, 0), .carve(0, byteCount: 4), .carve(0, byteCount: 4), .carve(0, byteCount: 4),
]

/// A trace that does all there is to do, transfer more often than the rest.
func randomTrace(_ count: Int, agents: [Agent], using random: inout SeededGenerator) -> [Operation] {
  threeBuffers + (0..<count).map { _ in randomOperation(agents, using: &random) }
}

private func randomOperation(_ agents: [Agent], using random: inout SeededGenerator) -> Operation {
  let agent = agents.randomElement(using: &random) ?? .x
  let region = Int.random(in: 0..<10, using: &random) < 7 ? 0 : 1
  let place = Int.random(in: 0..<4, using: &random)
  switch Int.random(in: 0..<100, using: &random) {
  case 0..<16: return .enqueue(agent, place)
  case 16..<28: return .enqueueBurst(agent, count: Int.random(in: 0...6, using: &random))
  case 28..<42: return .dequeue(agent)
  case 42..<52: return .dequeueBurst(agent, room: [1, 2, 3, 32].randomElement(using: &random) ?? 32)
  case 52..<60: return .setLast(agent, place, Bool.random(using: &random))
  case 60..<63:
    let from = Int.random(in: 0...4, using: &random)
    return .setValid(agent, place, from: from, to: Int.random(in: from...8, using: &random))
  case 63..<67: return .split(agent, place, at: Int.random(in: 0...4, using: &random))
  case 67..<71: return .merge(agent, place, Int.random(in: 0..<4, using: &random))
  case 71..<77: return .carve(region, byteCount: Int.random(in: 1...5, using: &random))
  case 77..<80: return .bringHome(agent, place)
  case 80..<83: return .register(agent, region)
  case 83..<87: return .deregister(agent, region)
  case 87..<89: return .releaseRegion(region)
  case 89..<91: return .makeRegion(region)
  case 91..<94: return .notify(agent)
  case 94..<97: return .fallAsleep(agent)
  case 97..<99: return .wake(agent)
  // Rarely, or most of a trace would have one end only.
  default: return Int.random(in: 0..<3, using: &random) == 0 ? .destroy(agent) : .notify(agent)
  }
}
