/// What a ledger knows about one region. Plain data that points to its tables; the ledger owns them.
@safe
struct RegionAccount: BitwiseCopyable {
  let id: RegionID
  let byteCount: Int
  let map: OwnershipMap
  let history: OwnershipHistory
  /// The other side registered the region: the ledger heard of it when the first buffer came up.
  let isAdopted: Bool
  /// Is told of buffers that are released on the side that did not register the region. The account holds it.
  private let farSide: Unmanaged<FarSide>
  /// What a buffer that goes down, and one that comes up, has noted on it.
  let noteDown: AwayNote
  let noteUp: AwayNote

  /// An account in which every byte is above; in an adopted one every byte is below. Nil without memory.
  init?(id: RegionID, byteCount: Int, isAdopted: Bool, farSide: FarSide) {
    guard let map = OwnershipMap(byteCount: byteCount) else { return nil }
    guard let history = OwnershipHistory(byteCount: byteCount) else {
      map.deallocate()
      return nil
    }
    self.id = id
    self.byteCount = byteCount
    self.map = map
    self.history = history
    self.isAdopted = isAdopted
    unsafe self.farSide = Unmanaged.passRetained(farSide)
    noteDown = AwayNote(farSide.index, isAway: !isAdopted)
    noteUp = AwayNote(farSide.index, isAway: isAdopted)
    if isAdopted { map.assign(0..<byteCount, below: true) }
  }

  /// Bytes that were released on the far side are on the near one again.
  ///
  /// - Returns: whether there were any.
  func settleReturned() -> Bool {
    // SAFETY: retained by `init`, released by `deallocate`.
    let returned = unsafe farSide._withUnsafeGuaranteedRef { $0.takeReturned() }
    for range in returned { map.assign(range, below: isAdopted) }
    return !returned.isEmpty
  }

  func deallocate() {
    let below = map.belowByteCount
    // SAFETY: retained by `init`; this is the account's end.
    let farSide = unsafe self.farSide.takeRetainedValue()
    farSide.close(awayByteCount: isAdopted ? byteCount - below : below)
    map.deallocate()
    history.deallocate()
  }
}

/// The regionAccounts of all regions that a ledger knows, by slot, as in ``RegionTable``.
@safe
struct RegionAccounts: ~Copyable {
  /// The id of the account in each slot, or none. Only slots with one are initialised in `regionAccounts`.
  private let ids: UnsafeMutablePointer<RegionID>
  private let regionAccounts: UnsafeMutablePointer<RegionAccount>

  init() {
    unsafe ids = UnsafeMutablePointer<RegionID>.allocate(capacity: RegionDirectory.capacity)
    unsafe ids.initialize(repeating: .none, count: RegionDirectory.capacity)
    unsafe regionAccounts = UnsafeMutablePointer<RegionAccount>.allocate(capacity: RegionDirectory.capacity)
  }

  deinit {
    for slot in 0..<RegionDirectory.capacity where unsafe ids[slot] != .none {
      unsafe regionAccounts[slot].deallocate()
    }
    unsafe ids.deallocate()
    unsafe regionAccounts.deallocate()
  }

  /// The account of exactly this region, generation included; nil where there is none. Good until the next change.
  @inline(__always)
  func find(_ id: RegionID) -> UnsafeMutablePointer<RegionAccount>? {
    let slot = id.slot & (RegionDirectory.capacity &- 1)
    // SAFETY: the mask keeps the slot inside the tables, and a slot with an id is initialised. `none` names no region.
    guard unsafe ids[slot] == id, id != .none else { return nil }
    return unsafe regionAccounts + slot
  }

  func contains(_ id: RegionID) -> Bool { unsafe find(id) != nil }

  /// Adds an account. One of an older region of the same slot goes: its region is dead.
  func insert(_ account: RegionAccount) {
    let slot = account.id.slot & (RegionDirectory.capacity - 1)
    remove(unsafe ids[slot])
    unsafe ids[slot] = account.id
    unsafe (regionAccounts + slot).initialize(to: account)
  }

  /// Removes an account, if there is one.
  func remove(_ id: RegionID) {
    guard let account = unsafe find(id) else { return }
    unsafe account.pointee.deallocate()
    unsafe ids[id.slot & (RegionDirectory.capacity - 1)] = .none
  }

  /// Removes adopted regions of which every byte is below again: the other side may have deregistered them.
  func removeReturnedAdoptions() {
    for slot in 0..<RegionDirectory.capacity {
      guard let account = unsafe find(ids[slot]), unsafe account.pointee.isAdopted else { continue }
      _ = unsafe account.pointee.settleReturned()
      if unsafe account.pointee.map.belowByteCount == account.pointee.byteCount { remove(unsafe account.pointee.id) }
    }
  }

  /// Bytes of all regions, and those of them that are below.
  ///
  /// - Complexity: O(size of all regions / 4 KiB).
  var byteCounts: (registered: Int, below: Int) {
    var registered = 0
    var below = 0
    for slot in 0..<RegionDirectory.capacity {
      guard let account = unsafe find(ids[slot]) else { continue }
      _ = unsafe account.pointee.settleReturned()
      unsafe registered += account.pointee.byteCount
      unsafe below += account.pointee.map.belowByteCount
    }
    return (registered, below)
  }
}
