/// Why the contract does not allow an operation. All that hold are collected; nothing changes.
public enum Objection: Hashable, Sendable {
  /// The sequence has too few free places.
  case full
  /// The buffer's region is not registered at exactly this generation.
  case unknownRegion
  /// The run has no last buffer, or could not fit into the empty queue.
  case incompleteChain
  /// One of the two ends is closed, so there is no taker.
  case closed
  /// The descriptor is out of bounds.
  case badDescriptor(DescriptorObjection)
  /// Some of the bytes are not this agent's. Within a process the compiler sees to it.
  case notOwned
  /// This agent has closed its end. Within a process the compiler sees to it.
  case gone

  /// The region, or a byte of it, is in K already.
  case alreadyRegistered
  /// The region left K before, and its id is dead for ever.
  case retired
  /// The region is not in K.
  case notRegistered
  /// The other agent registered it.
  case notRegistrar
  /// So many bytes of the region are not in the agent's own set.
  case elsewhere(byteCount: Int)

  /// So many bytes of the region are in buffers.
  case inUse(byteCount: Int)
  /// A queue has the region registered.
  case registered
  /// There is no such region.
  case noRegion

  /// A buffer is cut inside: both parts have at least one byte.
  case noSuchCut
  /// Two buffers are joined where one ends and the other begins, in one region, and their valid parts must touch too.
  case notAdjacent

  /// Whether a queue in one process can see it at all. The others do not compile, or are the program's structure.
  public var isVisible: Bool {
    switch self {
    case .notOwned, .gone, .noRegion: false
    default: true
    }
  }
}

/// What can be wrong with the numbers of a descriptor.
public enum DescriptorObjection: Hashable, Sendable {
  case empty
  case outsideRegion
  case validOutsideBuffer
}

extension QueueModel {
  /// What is wrong with a descriptor's numbers in a region of the given size: length > 0; offset + length ≤ region length;
  /// validOffset + validLength ≤ length. The sums are made in 128 bits, where they cannot overflow.
  public static func faults(of buffer: Buffer, regionByteCount: UInt64) -> Set<DescriptorObjection> {
    var faults: Set<DescriptorObjection> = []
    if buffer.byteCount == 0 { faults.insert(.empty) }
    if UInt128(buffer.offset) + UInt128(buffer.byteCount) > UInt128(regionByteCount) { faults.insert(.outsideRegion) }
    if UInt128(buffer.validOffset) + UInt128(buffer.validByteCount) > UInt128(buffer.byteCount) {
      faults.insert(.validOutsideBuffer)
    }
    return faults
  }

  /// Why these bytes may not be handed over by this agent, from the descriptor alone.
  func objections(to buffer: Buffer, from agent: Agent) -> Set<Objection> {
    guard let region = region(buffer.region), region.registrar != nil else { return [.unknownRegion] }
    let faults = Self.faults(of: buffer, regionByteCount: UInt64(region.byteCount))
    guard faults.isEmpty else { return Set(faults.map { .badDescriptor($0) }) }
    return owned[agent, default: []].isSuperset(of: bytes(of: buffer)) ? [] : [.notOwned]
  }

  /// The region with exactly this id.
  public func region(_ id: RegionID) -> Region? { regions.first { $0.id == id } }

  /// The bytes that a descriptor in bounds names; none where its region does not exist.
  public func bytes(of buffer: Buffer) -> Set<Byte> {
    guard let region = region(buffer.region) else { return [] }
    let first = region.firstByte + Int(buffer.offset)
    return Set(first..<(first + Int(buffer.byteCount)))
  }

  /// The bytes that any of several buffers name.
  public func bytes(of buffers: [Buffer]) -> Set<Byte> {
    buffers.reduce(into: []) { $0.formUnion(bytes(of: $1)) }
  }
}
