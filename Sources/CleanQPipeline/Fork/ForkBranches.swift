public import CleanQ

/// The branches of a fork that was opened, and which packets are whose.
@safe
public final class ForkBranches {
  /// The most branches of a fork.
  public static let maximumCount = LeaseNotes.capacity

  /// One branch, as the data path needs it. The boxes and the loops are held by the fork's branches.
  @unsafe
  @frozen
  @usableFromInline
  struct Entry {
    @usableFromInline let state: UnsafeMutablePointer<BranchState>
    @usableFromInline let junction: UnsafeMutablePointer<BranchJunction>
  }

  /// A region that the fork knows.
  @frozen
  @usableFromInline
  struct RegionEntry: BitwiseCopyable {
    @usableFromInline var id = RegionID.none
    /// Those of all branches.
    @usableFromInline var notes = LeaseNotes()

    init() {}
  }

  let boxes: [BranchBox]
  @usableFromInline let count: Int
  @usableFromInline let entries: UnsafeMutablePointer<Entry>
  /// By slot of the region.
  @usableFromInline let regions: UnsafeMutablePointer<RegionEntry>
  /// By slot and branch: the note of the branch's account.
  @usableFromInline let notes: UnsafeMutablePointer<LeaseNotes>
  /// By slot and note: the branch.
  @usableFromInline let owners: UnsafeMutablePointer<UInt8>
  /// By slot and branch: bytes that were lent, less those that were taken back.
  @usableFromInline let lentByteCounts: UnsafeMutablePointer<Int>
  /// By slot; nil where no region is registered.
  var leases = [Leases?](repeating: nil, count: RegionDirectory.capacity)
  /// By slot: bytes of the region.
  var byteCounts = [Int](repeating: 0, count: RegionDirectory.capacity)
  /// Which packets are whose.
  @usableFromInline let claims: ClaimTable

  /// - Parameters:
  ///   - boxes: of branches that are open, 1 to ``maximumCount``.
  ///   - keys: for each branch, what it claims and what it answers where nobody claims it.
  init(_ boxes: [BranchBox], keys: [(claimed: [Int], unclaimed: Range<Int>)], keyCount: Int) {
    precondition((1...Self.maximumCount).contains(boxes.count), "a fork has 1 to \(Self.maximumCount) branches")
    self.boxes = boxes
    claims = ClaimTable(keys, keyCount: keyCount, names: boxes.map(\.name))
    count = boxes.count
    unsafe entries = .allocate(capacity: boxes.count)
    for (index, box) in boxes.enumerated() {
      guard let loop = box.loop else { preconditionFailure("a branch is not open") }
      // SAFETY: the boxes keep the states and the loops for as long as this object lives.
      unsafe box.state.pointee.isPolled = !loop.junction.pointee.wakeFileDescriptors.isEmpty
      unsafe (entries + index).initialize(to: Entry(state: box.state, junction: loop.junction))
    }
    let cells = RegionDirectory.capacity * LeaseNotes.capacity
    unsafe regions = .allocate(capacity: RegionDirectory.capacity)
    unsafe regions.initialize(repeating: RegionEntry(), count: RegionDirectory.capacity)
    unsafe notes = .allocate(capacity: cells)
    unsafe notes.initialize(repeating: LeaseNotes(), count: cells)
    unsafe owners = .allocate(capacity: cells)
    unsafe owners.initialize(repeating: 0, count: cells)
    unsafe lentByteCounts = .allocate(capacity: cells)
    unsafe lentByteCounts.initialize(repeating: 0, count: cells)
  }

  deinit {
    // The loops go first: what their ports still hold is returned, with its notes.
    for box in boxes { box.loop = nil }
    for slot in 0..<RegionDirectory.capacity { endLeases(of: slot) }
    unsafe entries.deinitialize(count: count)
    unsafe entries.deallocate()
    unsafe regions.deallocate()
    unsafe notes.deallocate()
    unsafe owners.deallocate()
    unsafe lentByteCounts.deallocate()
  }

  /// Where the entries of a region's branches and notes begin.
  @inlinable
  @inline(__always)
  static func cell(_ slot: Int) -> Int { (slot & (RegionDirectory.capacity &- 1)) &* LeaseNotes.capacity }

  /// Enters a region whose accounts are open.
  func begin(_ leases: Leases, of region: borrowing Region) {
    let slot = region.id.slot
    var entry = RegionEntry()
    entry.id = region.id
    for branch in 0..<count {
      let note = leases.note(of: branch)
      entry.notes = entry.notes.union(note)
      unsafe notes[Self.cell(slot) + branch] = note
      unsafe owners[Self.cell(slot) + leases.index(of: branch)] = UInt8(branch)
      unsafe lentByteCounts[Self.cell(slot) + branch] = 0
    }
    self.leases[slot] = leases
    byteCounts[slot] = region.byteCount
    unsafe regions[slot] = entry
  }

  /// Closes the accounts of a region.
  func endLeases(of slot: Int) {
    guard let leases = leases[slot] else { return }
    for branch in 0..<count {
      unsafe leases.close(branch, lentByteCount: lentByteCounts[Self.cell(slot) + branch])
    }
    self.leases[slot] = nil
    byteCounts[slot] = 0
    unsafe regions[slot] = RegionEntry()
  }

  /// What of the account of a branch came or went otherwise than through the fork, in all regions.
  func change(of branch: Int) -> (byteCount: Int, bufferCount: Int) {
    var sum = (byteCount: 0, bufferCount: 0)
    for slot in 0..<RegionDirectory.capacity {
      guard let change = leases[slot]?.change(of: branch) else { continue }
      sum.byteCount += change.byteCount
      sum.bufferCount += change.bufferCount
    }
    return sum
  }
}
