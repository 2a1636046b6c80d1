import Testing

@testable import CleanQModel

/// The invariants are able to fail: each is broken by hand, and named.
@Suite("Invariants") struct InvariantTests {
  /// A state with bytes in all four sets.
  private func state() -> QueueModel {
    var model = QueueModel(capacity: 2)
    let first = model.makeRegion(firstByte: 0, byteCount: 8, by: .x)
    let second = model.makeRegion(firstByte: 100, byteCount: 8, by: .y)
    _ = model.register(first, by: .x)
    _ = model.register(second, by: .y)
    for (region, agent) in [(first, Agent.x), (second, .y)] {
      if let buffer = model.carve(byteCount: 4, from: region, by: agent) { _ = model.enqueue(buffer, by: agent) }
    }
    return model
  }

  @Test("a reachable state breaks none")
  func sound() { #expect(state().brokenInvariants == []) }

  @Test("I1: a byte that is lost, a byte that is invented")
  func conservation() {
    var model = state()
    model.owned[.x]?.remove(7)
    #expect(model.brokenInvariants == ["I1 conservation"])
    model = state()
    model.owned[.x]?.insert(50)
    #expect(model.brokenInvariants == ["I1 conservation"])
  }

  @Test("I2: a byte with two owners, for each pair of sets")
  func exclusion() {
    var model = state()
    model.owned[.y]?.insert(7)
    #expect(model.brokenInvariants == ["I2 exclusion"])
    model = state()
    model.owned[.x]?.insert(0)
    #expect(model.brokenInvariants == ["I2 exclusion"])
    model = state()
    model.owned[.y]?.insert(0)
    #expect(model.brokenInvariants == ["I2 exclusion"])
    model = state()
    model.transit[.y]?.insert(0)
    #expect(model.brokenInvariants == ["I2 exclusion", "I3 order"])
  }

  @Test("I3: a descriptor that is there twice, one that is missing")
  func order() {
    var model = state()
    if let buffer = model.sequence[.x]?.first { model.sequence[.x]?.append(buffer) }
    #expect(model.brokenInvariants == ["I3 order", "hands"])
    model = state()
    model.sequence[.y] = []
    #expect(model.brokenInvariants == ["I3 order"])
  }

  @Test("I4: more buffers than slots")
  func ring() {
    var model = state()
    model.sequence[.x] = [Int](0..<3).map { .init(region: model.regions[0].id, offset: UInt64($0), byteCount: 1) }
    model.transit[.x] = [0, 1, 2]
    model.owned[.x]?.insert(3)
    #expect(model.brokenInvariants == ["I4 ring"])
  }

  @Test("buffers out of bounds, and in the wrong hand")
  func hands() {
    var model = state()
    model.hand[.y]?.append(.init(region: model.regions[0].id, offset: 4, byteCount: 2))
    #expect(model.brokenInvariants == ["hands"])
    model = state()
    model.hand[.x]?.append(.init(region: model.regions[0].id, offset: 4, byteCount: 5))
    #expect(model.brokenInvariants == ["bounds"])
  }
}
