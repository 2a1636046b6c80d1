public import Synchronization

/// The regions that one queue accepts: the set K of the contract.
///
/// Looking a buffer up is one load and one comparison of all 64 bits of the id, so a retired region's buffers are never
/// taken for those of its successor. An id is stored with release when the rest of its entry is written, and loaded with
/// acquire: another thread may look a region up while it is inserted or removed, and finds it or does not.
@safe
@frozen
public struct RegionTable: ~Copyable, @unchecked Sendable {
  /// One registered region; 32 bytes, so that an entry is one index shift away.
  @frozen
  @usableFromInline
  struct Entry: BitwiseCopyable {
    /// The first word, which is stored and loaded by itself.
    @usableFromInline var id: RegionID
    @usableFromInline var base: UInt
    @usableFromInline var byteCount: UInt64
    @usableFromInline var padding: UInt64 = 0

    @usableFromInline
    init(id: RegionID, base: UInt, byteCount: UInt64) {
      self.id = id
      self.base = base
      self.byteCount = byteCount
    }

    init(of region: borrowing Region) {
      self.init(id: region.id, base: region.address, byteCount: UInt64(region.byteCount))
    }

    /// Turns a descriptor into the buffer that it names, after every check of the contract.
    ///
    /// SAFETY: the caller has taken the bytes over from their owner; a registered region stays mapped.
    @unsafe
    @inlinable
    @inline(__always)
    func buffer(_ descriptor: Descriptor) -> Result<Buffer, DescriptorFault> {
      guard id == descriptor.region, let base = unsafe UnsafeMutableRawPointer(bitPattern: base) else {
        return .failure(.unknownRegion)
      }
      if let fault = descriptor.fault(regionByteCount: byteCount) { return .failure(fault) }
      return unsafe .success(Buffer(base: base, descriptor: descriptor))
    }

    /// The same for a descriptor that this process made of a buffer, with notes of where it is.
    ///
    /// SAFETY: as above.
    @unsafe
    @inlinable
    @inline(__always)
    func buffer(own descriptor: Descriptor) -> Result<Buffer, DescriptorFault> {
      guard id == descriptor.region, let base = unsafe UnsafeMutableRawPointer(bitPattern: base) else {
        return .failure(.unknownRegion)
      }
      if let fault = descriptor.faultOfOwn(regionByteCount: byteCount) { return .failure(fault) }
      return unsafe .success(Buffer(base: base, descriptor: descriptor))
    }
  }

  @usableFromInline let entries: UnsafeMutablePointer<Entry>
  @usableFromInline let registrations: RegistrationList

  public init() {
    unsafe entries = UnsafeMutablePointer<Entry>.allocate(capacity: RegionDirectory.capacity)
    unsafe entries.initialize(repeating: Entry(id: .none, base: 0, byteCount: 0), count: RegionDirectory.capacity)
    registrations = RegistrationList()
  }

  deinit { unsafe entries.deallocate() }

  /// Whether buffers of this region are accepted.
  ///
  /// - Complexity: O(1).
  @inlinable
  public func contains(_ region: RegionID) -> Bool {
    // Acquire; pairs with the release in `store`: a thread that sees the id sees the accounts that were opened before it.
    unsafe region != .none && id(at: region.slot).pointee.load(ordering: .acquiring) == region.rawValue
  }

  /// The id in a slot.
  @inlinable
  func id(at slot: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    // SAFETY: the mask keeps the index inside the table; an entry begins with its id, a word, aligned.
    unsafe UnsafeMutableRawPointer(entries + slot & (RegionDirectory.capacity &- 1))
      .assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// Puts an entry into its slot, whose old one no buffer names any more.
  private func store(_ entry: Entry, at slot: Int) {
    unsafe entries[slot].base = entry.base
    unsafe entries[slot].byteCount = entry.byteCount
    // Release; pairs with the acquire in `contains`.
    unsafe id(at: slot).pointee.store(entry.id.rawValue, ordering: .releasing)
  }

  /// What a queue takes of a burst: as many buffers from its front as fit, of registered regions, and in whole runs.
  ///
  /// - Parameters:
  ///   - room: how many buffers the queue has room for.
  ///   - capacity: how many it would have room for if it were empty.
  /// - Returns: how many buffers to take, and why not the next one; nil where all are taken.
  /// - Complexity: O(number of buffers).
  @inlinable
  public func offer(_ burst: borrowing Burst, room: Int, capacity: Int) -> (taken: Int, refusal: Refusal?) {
    let wanted = burst.count
    let fitting = min(wanted, room)
    let known = countKnown(burst, of: fitting)
    // Back to the last buffer that ends a run.
    var taken = known
    while taken > 0, !burst[taken &- 1].flags.contains(.last) { taken &-= 1 }
    if taken == wanted { return (taken, nil) }
    // The reason is that of the next buffer, also where there is no room to look at it.
    if known < wanted, !contains(burst[known].region) { return (taken, .unknownRegion) }
    let canNeverFit = taken == 0 && room == capacity
    return (taken, fitting == wanted || canNeverFit ? .incompleteChain : .full)
  }

  /// How many of the first `count` buffers of a burst belong to registered regions, up to the first that does not.
  ///
  /// - Complexity: O(`count`); neighbours of one region are looked up once.
  @inlinable
  func countKnown(_ burst: borrowing Burst, of count: Int) -> Int {
    var known = 0
    while known < count {
      let (start, stretch) = unsafe burst.places(from: known)
      let limit = min(stretch, count &- known)
      // SAFETY: buffers up to `count` are initialised, and those of a span are adjacent.
      let region = unsafe start[0].region
      guard contains(region) else { return known }
      var same = 1
      while same < limit, unsafe start[same].region == region { same &+= 1 }
      known &+= same
    }
    return known
  }

  /// The entry where the region would be; of another region, or none, where it is not registered.
  ///
  /// - Complexity: O(1).
  @inlinable
  func entry(of region: RegionID) -> Entry {
    // SAFETY: the mask keeps the index inside the table.
    unsafe entries[region.slot & (RegionDirectory.capacity &- 1)]
  }

  /// Turns a descriptor into the buffer that it names, after every check of the contract.
  ///
  /// SAFETY: the caller has taken the bytes over from their owner.
  ///
  /// - Complexity: O(1).
  @unsafe
  @inlinable
  func buffer(_ descriptor: Descriptor) -> Result<Buffer, DescriptorFault> {
    unsafe entry(of: descriptor.region).buffer(descriptor)
  }

  /// Adds a region.
  ///
  /// - Returns: a region that went away while it was registered, and whose place this one takes; nil almost always.
  /// - Throws: `alreadyRegistered`; `retired` where the region was removed before.
  @discardableResult
  public mutating func insert(_ region: borrowing Region) throws(QueueError) -> RegionID? { try enter(region) }

  /// What ``insert(_:)`` does, for a table that another thread looks regions up in: nothing that is stored in the value itself
  /// changes, and no access to it excludes another.
  @discardableResult
  func enter(_ region: borrowing Region) throws(QueueError) -> RegionID? {
    try check(region)
    // A region that went away while it was registered is still held; nothing of it can come any more.
    let former = unsafe entries[region.id.slot].id
    registrations.remove(former, retiring: false)
    registrations.insert(region)
    // A region that exists has a slot inside the table; no other live region shares it.
    store(Entry(of: region), at: region.id.slot)
    return former == .none ? nil : former
  }

  /// Whether ``insert(_:)`` would take the region.
  ///
  /// - Throws: what it would throw.
  func check(_ region: borrowing Region) throws(QueueError) {
    guard !contains(region.id) else { throw QueueError(.alreadyRegistered, context: "\(region.id)") }
    guard !registrations.isRetired(region.id) else { throw QueueError(.retired, context: "\(region.id)") }
  }

  /// Removes a region, whose id is dead here from now on. The caller has made sure that no byte of it is elsewhere.
  ///
  /// - Throws: `notRegistered`.
  public mutating func remove(_ region: RegionID) throws(QueueError) { try leave(region) }

  /// What ``remove(_:)`` does, likewise.
  func leave(_ region: RegionID) throws(QueueError) {
    guard contains(region) else { throw QueueError(.notRegistered, context: "\(region)") }
    // Retired first: nobody may find it neither here nor there.
    registrations.remove(region, retiring: true)
    store(Entry(id: .none, base: 0, byteCount: 0), at: region.slot)
  }

  /// Undoes ``insert(_:)`` where a later step of the same registration failed: the region can be registered again.
  public mutating func undoInsert(_ region: RegionID) {
    guard contains(region) else { return }
    store(Entry(id: .none, base: 0, byteCount: 0), at: region.slot)
    registrations.remove(region, retiring: false)
  }

  /// Bytes of all registered regions.
  public var byteCount: Int {
    var sum = 0
    for slot in 0..<RegionDirectory.capacity { unsafe sum += Int(entries[slot].byteCount) }
    return sum
  }

  /// The registered regions.
  public var regions: [RegionID] {
    (0..<RegionDirectory.capacity).map { unsafe entries[$0].id }.filter { $0 != .none }
  }
}

/// The holds themselves, which a table keeps apart from what the data path reads.
@usableFromInline
final class RegistrationList: Sendable {
  private struct State: ~Copyable {
    var registrations: [RegionID: RegionControl] = [:]
    /// The region that was removed last from each slot. Earlier ones of the slot do not exist any more.
    var retired = [RegionID](repeating: .none, count: RegionDirectory.capacity)
  }

  private let state = Mutex(State())

  deinit {
    let controls = state.withLock { $0.registrations.values.map { $0 } }
    for control in controls { control.adjustRegistrations(by: -1) }
  }

  func insert(_ region: borrowing Region) {
    let control = region.control
    control.adjustRegistrations(by: 1)
    state.withLock { $0.registrations[control.id] = control }
  }

  func isRetired(_ id: RegionID) -> Bool { state.withLock { $0.retired[id.slot] == id } }

  func remove(_ id: RegionID, retiring: Bool) {
    let control = state.withLock { state in
      if retiring { state.retired[id.slot] = id }
      return state.registrations.removeValue(forKey: id)
    }
    control?.adjustRegistrations(by: -1)
  }
}
