public import CleanQ

/// The branches of a fork that was opened, and which packets are whose.
@safe
public final class ForkBranches {
  /// The most branches of a fork.
  public static let maximumCount = LeaseNotes.capacity

  /// In the table: nobody's.
  @inlinable
  static var unclaimed: UInt8 { .max }

  /// One branch, as the data path needs it. The boxes and the loops are held by the fork's branches.
  @unsafe
  @frozen
  @usableFromInline
  struct Entry {
    @usableFromInline let state: UnsafeMutablePointer<BranchState>
    @usableFromInline let junction: UnsafeMutableRawPointer
    @usableFromInline let turn: (UnsafeMutableRawPointer) -> Int
  }

  /// A region, and what of it the fork has lent.
  @frozen
  @usableFromInline
  struct RegionEntry {
    @usableFromInline var id = RegionID.none
    @usableFromInline var notes = LeaseNotes()
    /// By branch: what was lent, less what was taken back.
    @usableFromInline var lentByteCounts = InlineArray<24, Int>(repeating: 0)
    var leases: Leases?
    var byteCount = 0

    init() {}
  }

  let boxes: [BranchBox]
  @usableFromInline let count: Int
  @usableFromInline let entries: UnsafeMutablePointer<Entry>
  /// By slot of the region.
  @usableFromInline let regions: UnsafeMutablePointer<RegionEntry>
  /// By key: the branch. Changed on the fork's thread, or before it runs.
  @usableFromInline let table: UnsafeMutablePointer<UInt8>
  private let keyCount: Int

  /// - Parameters:
  ///   - boxes: of branches that are open, 1 to ``maximumCount``.
  ///   - keys: for each branch, what it claims and what it answers where nobody claims it.
  init(_ boxes: [BranchBox], keys: [(claimed: [Int], unclaimed: Range<Int>)], keyCount: Int) {
    precondition((1...Self.maximumCount).contains(boxes.count), "a fork has 1 to \(Self.maximumCount) branches")
    self.boxes = boxes
    self.keyCount = keyCount
    count = boxes.count
    unsafe entries = .allocate(capacity: boxes.count)
    for (index, box) in boxes.enumerated() {
      guard let loop = box.loop else { preconditionFailure("a branch is not open") }
      // SAFETY: the boxes keep the states and the loops for as long as this object lives.
      unsafe (entries + index).initialize(to: Entry(state: box.state, junction: loop.junction, turn: loop.turn))
    }
    unsafe regions = .allocate(capacity: RegionDirectory.capacity)
    for slot in 0..<RegionDirectory.capacity { unsafe (regions + slot).initialize(to: RegionEntry()) }
    unsafe table = .allocate(capacity: keyCount)
    unsafe table.initialize(repeating: Self.unclaimed, count: keyCount)
    for (index, keys) in keys.enumerated().reversed() {
      for key in keys.unclaimed { unsafe table[key] = UInt8(index) }
    }
    for (index, keys) in keys.enumerated() {
      for key in keys.claimed { unsafe table[key] = UInt8(index) }
    }
  }

  deinit {
    // The loops go first: what their ports still hold comes home, with its notes.
    for box in boxes { box.loop = nil }
    for slot in 0..<RegionDirectory.capacity {
      let region = unsafe regions + slot
      if let leases = unsafe region.pointee.leases {
        for branch in 0..<count {
          unsafe leases.close(branch, lentByteCount: region.pointee.lentByteCounts[branch])
        }
      }
    }
    unsafe entries.deinitialize(count: count)
    unsafe entries.deallocate()
    unsafe regions.deinitialize(count: RegionDirectory.capacity)
    unsafe regions.deallocate()
    unsafe table.deallocate()
  }

  /// The loop of a branch.
  func loop(_ branch: Int) -> BranchLoop {
    guard let loop = boxes[branch].loop else { preconditionFailure("the branch is not open") }
    return loop
  }
}
