import CleanQ
import CleanQModel

/// All that can be seen between two steps, of the model or of the real queue, in the same words.
struct Snapshot: Equatable {
  /// Bytes and buffers that live, registrations, leakedBuffers; of each region that exists.
  var regions: [[Int]?] = []
  /// X's hand, then Y's.
  var hands: [[QueueModel.Buffer]] = []
  /// X's accounts, then Y's; of the open ends.
  var accounts: [QueueModel.Account?] = []
  /// Whether X, whether Y is being called.
  var calls: [Bool] = []

  /// - Parameter agents: those with an end of their own.
  init(_ world: ModelWorld, agents: [Agent]) {
    let model = world.model
    let live = model.liveBuffers
    regions = world.regions.map { id in
      guard let id, let region = model.region(id) else { return nil }
      let buffers = live.filter { $0.region == id }
      return [model.bytes(of: buffers).count, buffers.count, region.registrar == nil ? 0 : 1, 0]
    }
    hands = agents.map { model.hand[$0, default: []] }
    accounts = agents.map { model.isOpen[$0] == true ? model.account(of: $0) : nil }
    calls = agents.map { model.isOpen[$0] == true && model.attention[$0] == .called }
  }

  /// The real queue's, with the model's view for what the real one may but need not show.
  init<Q: TestedQueue & ~Copyable>(_ real: RealWorld<Q>, agents: [Agent], expected: Snapshot) {
    regions = [real.regionState(0), real.regionState(1)]
    hands = agents.map { real.hand(of: $0) }
    accounts = agents.map { real.accounts(of: $0).map { QueueModel.Account($0) } }
    // A call for nothing does no harm, so only a call that is due is looked for.
    calls = zip(agents, expected.calls).map { agent, isDue in isDue && real.isCalled(agent) }
  }

  /// What differs, for the report.
  func difference(from real: Snapshot) -> String? {
    if regions != real.regions { return "regions \(real.regions), model \(regions)" }
    if hands != real.hands { return "hands \(real.hands.map(brief)), model \(hands.map(brief))" }
    if accounts != real.accounts { return "accounts \(real.accounts), model \(accounts)" }
    if calls != real.calls { return "a wake-up was lost: calls \(real.calls), model \(calls)" }
    return nil
  }

  private func brief(_ hand: [QueueModel.Buffer]) -> [String] {
    hand.map {
      "\($0.region.slot).\($0.region.generation)@\($0.offset)+\($0.byteCount)"
        + " valid \($0.validOffset)+\($0.validByteCount)\($0.isLast ? " last" : "")\($0.isMarked ? " marked" : "")"
    }
  }
}
