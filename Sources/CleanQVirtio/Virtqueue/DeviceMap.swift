internal import CleanQ

/// The regions that a device can reach, and where it finds them.
@safe
struct DeviceMap: ~Copyable, @unchecked Sendable {
  private(set) var table = RegionTable()
  /// The device's address of each registered region's first byte, by slot.
  private let bases: UnsafeMutablePointer<UInt64>

  init() {
    unsafe bases = .allocate(capacity: RegionDirectory.capacity)
    unsafe bases.initialize(repeating: 0, count: RegionDirectory.capacity)
  }

  deinit { unsafe bases.deallocate() }

  /// Enters a region; `map` makes it reachable. Neither has happened where one of them fails. One that went away while it was
  /// registered, and whose slot this one has, is not to be reached any more: `unmap`.
  mutating func insert(
    _ region: borrowing Region, map: (borrowing Region) throws(QueueError) -> UInt64,
    unmap: (RegionID) -> Void
  ) throws(QueueError) {
    if let former = try table.insert(region) { unmap(former) }
    do throws(QueueError) {
      // SAFETY: a region that is in the table has a slot below the capacity.
      unsafe bases[region.id.slot] = try map(region)
    } catch {
      table.undoInsert(region.id)
      throw error
    }
  }

  mutating func remove(_ region: RegionID) throws(QueueError) { try table.remove(region) }

  /// The device's address of the first byte of a region that is in the table.
  ///
  /// - Complexity: O(1).
  @inline(__always)
  func base(_ region: RegionID) -> UInt64 {
    // SAFETY: the mask keeps the index inside the table.
    unsafe bases[region.slot & (RegionDirectory.capacity &- 1)]
  }

  /// The same of any of its bytes.
  @inline(__always)
  func address(_ region: RegionID, offset: Int) -> UInt64 { base(region) &+ UInt64(truncatingIfNeeded: offset) }
}
