// Memory: regions come, are registered, are cut into buffers, and go.

extension QueueModel {
  /// A new region in the lowest free slot, under an id that was never used before.
  public mutating func makeRegion(firstByte: Byte, byteCount: Int, by keeper: Agent) -> RegionID {
    var slot = 0
    while regions.contains(where: { $0.id.slot == slot }) { slot += 1 }
    let generation = generations[slot, default: 0] + 1
    generations[slot] = generation
    let id = RegionID(slot: slot, generation: generation)
    regions.append(Region(id: id, keeper: keeper, firstByte: firstByte, byteCount: byteCount))
    return id
  }

  /// K: the union of the registered regions.
  public var registeredBytes: Set<Byte> {
    regions.filter { $0.registrar != nil }.reduce(into: []) { $0.formUnion($1.bytes) }
  }

  /// register: the region's bytes become the agent's own, and are usable on both sides.
  ///
  /// Needs: disjoint from all of K; never deregistered before; the bytes are the agent's.
  public mutating func register(_ id: RegionID, by agent: Agent) -> Set<Objection> {
    guard let index = regions.firstIndex(where: { $0.id == id }) else { return [.noRegion] }
    let region = regions[index]
    var objections: Set<Objection> = []
    if isOpen[agent] != true { objections.insert(.gone) }
    if !registeredBytes.isDisjoint(with: region.bytes) { objections.insert(.alreadyRegistered) }
    if retired.contains(id) { objections.insert(.retired) }
    if region.keeper != agent { objections.insert(.notOwned) }
    if !bytes(of: hand[agent.other, default: []]).isDisjoint(with: region.bytes) { objections.insert(.notOwned) }
    guard objections.isEmpty else { return objections }
    regions[index].registrar = agent
    owned[agent, default: []].formUnion(region.bytes)
    return []
  }

  /// deregister: the region leaves K. The id is dead for this queue; buffers of it are refused from now on.
  ///
  /// Needs: every byte of it in the agent's own set.
  public mutating func deregister(_ id: RegionID, by agent: Agent) -> Set<Objection> {
    guard let index = regions.firstIndex(where: { $0.id == id }) else { return [.noRegion] }
    let region = regions[index]
    var objections: Set<Objection> = []
    if isOpen[agent] != true { objections.insert(.gone) }
    if region.registrar == nil { objections.insert(.notRegistered) }
    if region.registrar == agent.other { objections.insert(.notRegistrar) }
    if region.registrar == agent {
      let elsewhere = region.bytes.subtracting(owned[agent, default: []])
      if !elsewhere.isEmpty { objections.insert(.elsewhere(byteCount: elsewhere.count)) }
    }
    guard objections.isEmpty else { return objections }
    regions[index].registrar = nil
    retired.insert(id)
    owned[agent, default: []].subtract(region.bytes)
    return []
  }

  /// release of a region: it ends, and its id with it.
  ///
  /// Needs: no buffer names a byte of it, no queue has it.
  public mutating func release(_ id: RegionID) -> Set<Objection> {
    guard let index = regions.firstIndex(where: { $0.id == id }) else { return [.noRegion] }
    var objections: Set<Objection> = []
    let inUse = bytes(of: liveBuffers).intersection(regions[index].bytes)
    if !inUse.isEmpty { objections.insert(.inUse(byteCount: inUse.count)) }
    if regions[index].registrar != nil { objections.insert(.registered) }
    guard objections.isEmpty else { return objections }
    regions.remove(at: index)
    return []
  }

  /// The buffers that exist, wherever they are.
  public var liveBuffers: [Buffer] {
    Agent.allCases.flatMap { hand[$0, default: []] + sequence[$0, default: []] }
  }

  /// Cuts a buffer out of the first bytes of the region that are uncut; nil where there is no run long enough. Only who
  /// keeps the region can: uncut bytes are the keeper's.
  public mutating func carve(byteCount: Int, from id: RegionID, by agent: Agent) -> Buffer? {
    guard let region = region(id), region.keeper == agent, byteCount > 0, byteCount <= region.byteCount else {
      return nil
    }
    let cut = bytes(of: liveBuffers)
    for offset in 0...(region.byteCount - byteCount) {
      let buffer = Buffer(region: id, offset: UInt64(offset), byteCount: UInt64(byteCount))
      guard bytes(of: buffer).isDisjoint(with: cut) else { continue }
      hand[agent, default: []].append(buffer)
      return buffer
    }
    return nil
  }

  /// Ends a buffer: its bytes are uncut again, and uncut bytes are the keeper's, whoever brings them home.
  public mutating func bringHome(_ buffer: Buffer, by agent: Agent) -> Set<Objection> {
    guard let index = hand[agent, default: []].firstIndex(of: buffer), let region = region(buffer.region) else {
      return [.notOwned]
    }
    hand[agent]?.remove(at: index)
    guard region.registrar != nil else { return [] }
    let bytes = bytes(of: buffer)
    owned[agent, default: []].subtract(bytes)
    owned[region.keeper, default: []].formUnion(bytes)
    return []
  }
}
