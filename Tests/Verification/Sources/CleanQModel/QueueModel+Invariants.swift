// The invariants of Contract.md, each as a predicate on a state.

extension QueueModel {
  private var fourSets: [Set<Byte>] {
    [owned[.x, default: []], owned[.y, default: []], transit[.x, default: []], transit[.y, default: []]]
  }

  /// I1, conservation: S_X ∪ S_Y ∪ T_XY ∪ T_YX = K.
  public var holdsConservation: Bool {
    fourSets.reduce(into: Set()) { $0.formUnion($1) } == registeredBytes
  }

  /// I2, exclusion: the four sets are pairwise disjoint.
  public var holdsExclusion: Bool {
    for (index, set) in fourSets.enumerated() {
      for other in fourSets[(index + 1)...] where !set.isDisjoint(with: other) { return false }
    }
    return true
  }

  /// I3, order: T_XY and T_YX are sequences without repetition, and name exactly the bytes of the sets. (That each is
  /// delivered first in, first out is how ``enqueue(run:by:)`` and ``dequeue(by:)`` are defined.)
  public var holdsOrder: Bool {
    Agent.allCases.allSatisfy { agent in
      let buffers = sequence[agent, default: []]
      let byteCount = buffers.reduce(0) { $0 + Int($1.byteCount) }
      let set = transit[agent, default: []]
      return byteCount == set.count && bytes(of: buffers) == set
    }
  }

  /// I4, ring: at most n buffers in each direction.
  public var holdsCapacity: Bool { sequence.values.allSatisfy { $0.count <= capacity } }

  /// Every buffer that exists is in bounds of a region that exists.
  public var holdsBounds: Bool {
    liveBuffers.allSatisfy { buffer in
      guard let region = region(buffer.region) else { return false }
      return Self.faults(of: buffer, regionByteCount: UInt64(region.byteCount)).isEmpty
    }
  }

  /// No byte is in two buffers, and what an agent has in hand of a registered region is in its set.
  public var holdsHands: Bool {
    let live = liveBuffers
    guard live.reduce(0, { $0 + Int($1.byteCount) }) == bytes(of: live).count else { return false }
    let registered = registeredBytes
    return Agent.allCases.allSatisfy { agent in
      bytes(of: hand[agent, default: []]).intersection(registered).isSubset(of: owned[agent, default: []])
    }
  }

  /// Every registered region has an id that no other region has.
  public var holdsIdentity: Bool { Set(regions.map(\.id.slot)).count == regions.count }

  /// The invariants that do not hold, by name; empty in every reachable state.
  public var brokenInvariants: [String] {
    var broken: [String] = []
    if !holdsConservation { broken.append("I1 conservation") }
    if !holdsExclusion { broken.append("I2 exclusion") }
    if !holdsOrder { broken.append("I3 order") }
    if !holdsCapacity { broken.append("I4 ring") }
    if !holdsBounds { broken.append("bounds") }
    if !holdsHands { broken.append("hands") }
    if !holdsIdentity { broken.append("identity") }
    return broken
  }
}
