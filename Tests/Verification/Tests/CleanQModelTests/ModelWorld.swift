import CleanQModel

/// The model, and which of its regions the numbers 0 and 1 of a trace mean at the moment.
struct ModelWorld: Hashable {
  /// Bytes of each region.
  static let regionByteCount = 12

  var model: QueueModel
  var regions: [QueueModel.RegionID?] = [nil, nil]
  /// Who keeps each region.
  static let keepers: [Agent] = [.x, .y]

  /// Does one step as the contract says.
  mutating func perform(_ operation: Operation) -> Expectation {
    switch operation {
    case .makeRegion(let number): makeRegion(number)
    case .releaseRegion(let number): onRegion(number) { model, id in model.release(id) }
    case .register(let agent, let number): onRegion(number) { model, id in model.register(id, by: agent) }
    case .deregister(let agent, let number): onRegion(number) { model, id in model.deregister(id, by: agent) }
    case .carve(let number, let byteCount): carve(number, byteCount)
    case .bringHome(let agent, let place): onBuffer(agent, place) { $0.bringHome($1, by: agent) }
    case .setLast(let agent, let place, let isLast):
      rewrite(agent, place) {
        $0.isLast = isLast
        $0.isMarked = !isLast
      }
    case .setValid(let agent, let place, let from, let to):
      rewrite(agent, place) {
        $0.validOffset = min(UInt64(from), $0.byteCount)
        $0.validByteCount = min(UInt64(to), $0.byteCount) - $0.validOffset
      }
    case .split(let agent, let place, let position): split(agent, place, position)
    case .merge(let agent, let place, let next): merge(agent, place, next)
    case .enqueue(let agent, let place): onBuffer(agent, place) { $0.enqueue($1, by: agent) }
    case .enqueueBurst(let agent, let count): enqueueBurst(agent, count)
    case .dequeue(let agent): dequeue(agent, 1)
    case .dequeueBurst(let agent, let room): dequeue(agent, room)
    case .notify(let agent): ifOpen(agent) { $0.notify(by: agent) }
    case .fallAsleep(let agent): fallAsleep(agent)
    case .wake(let agent): ifOpen(agent) { $0.wake(agent) }
    case .destroy(let agent): destroy(agent)
    }
  }

  private mutating func makeRegion(_ number: Int) -> Expectation {
    guard regions[number] == nil else { return .exactly(.impossible) }
    regions[number] = model.makeRegion(
      firstByte: 1000 * number, byteCount: Self.regionByteCount, by: Self.keepers[number])
    return .exactly(.done)
  }

  private mutating func onRegion(
    _ number: Int, _ body: (inout QueueModel, QueueModel.RegionID) -> Set<Objection>
  ) -> Expectation {
    guard let id = regions[number] else { return .exactly(.impossible) }
    let expectation = Expectation(body(&model, id))
    if model.region(id) == nil { regions[number] = nil }
    return expectation
  }

  private mutating func carve(_ number: Int, _ byteCount: Int) -> Expectation {
    guard let id = regions[number] else { return .exactly(.impossible) }
    let buffer = model.carve(byteCount: byteCount, from: id, by: Self.keepers[number])
    return .exactly(.taken(buffer == nil ? 0 : 1))
  }

  /// The buffer at a place in an agent's hand.
  private func buffer(_ agent: Agent, _ place: Int) -> QueueModel.Buffer? {
    let hand = model.hand[agent, default: []]
    return hand.isEmpty ? nil : hand[place % hand.count]
  }

  private mutating func onBuffer(
    _ agent: Agent, _ place: Int, _ body: (inout QueueModel, QueueModel.Buffer) -> Set<Objection>
  ) -> Expectation {
    guard let buffer = buffer(agent, place) else { return .exactly(.impossible) }
    return Expectation(body(&model, buffer))
  }

  private mutating func rewrite(
    _ agent: Agent, _ place: Int, _ change: (inout QueueModel.Buffer) -> Void
  ) -> Expectation {
    onBuffer(agent, place) { model, buffer in
      var changed = buffer
      change(&changed)
      return model.rewrite(buffer, as: changed, by: agent)
    }
  }

  private mutating func ifOpen(_ agent: Agent, _ body: (inout QueueModel) -> Void) -> Expectation {
    guard model.isOpen[agent] == true else { return .exactly(.impossible) }
    body(&model)
    return .exactly(.done)
  }
}

extension ModelWorld {
  private mutating func split(_ agent: Agent, _ place: Int, _ position: Int) -> Expectation {
    guard let buffer = buffer(agent, place) else { return .exactly(.impossible) }
    return Expectation(model.split(buffer, at: UInt64(position), by: agent).objections)
  }

  private mutating func merge(_ agent: Agent, _ place: Int, _ next: Int) -> Expectation {
    guard let first = buffer(agent, place), let second = buffer(agent, next), first != second else {
      return .exactly(.impossible)
    }
    return Expectation(model.merge(first, second, by: agent))
  }

  private mutating func enqueueBurst(_ agent: Agent, _ count: Int) -> Expectation {
    guard model.isOpen[agent] == true else { return .exactly(.impossible) }
    let burst = Array(model.hand[agent, default: []].prefix(count))
    return Expectation(model.enqueue(burst: burst, by: agent).objections)
  }

  private mutating func dequeue(_ agent: Agent, _ count: Int) -> Expectation {
    guard model.isOpen[agent] == true else { return .exactly(.impossible) }
    return .exactly(.taken(model.dequeue(atMost: count, by: agent).count))
  }

  private mutating func fallAsleep(_ agent: Agent) -> Expectation {
    // A loopback has one user, so nobody sleeps at it.
    guard model.isOpen[agent] == true, model.attention[agent] == .awake, model.shape == .twoEnded else {
      return .exactly(.impossible)
    }
    return .exactly(.slept(model.fallAsleep(agent)))
  }

  private mutating func destroy(_ agent: Agent) -> Expectation {
    guard model.isOpen[agent] == true else { return .exactly(.impossible) }
    return .exactly(.closed(model.destroy(by: agent)))
  }
}
