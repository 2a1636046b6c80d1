/// Hands out ranges of I/O virtual addresses: the addresses by which devices of one container reach memory.
///
/// Only addresses inside the ranges that the IOMMU reports are given: hardware translates 39 or 48 bits, and the window of
/// message-signalled interrupts is left out of them. Address 0 is never given, so that a forgotten address faults.
///
/// Thread-confined.
struct IOVAAllocator {
  /// Free ranges in ascending order, apart from each other; bounds included.
  private(set) var free: [ClosedRange<UInt64>]
  private let pageByteCount: UInt64

  /// - Parameters:
  ///   - ranges: what the IOMMU translates; in any order, bounds included.
  ///   - pageByteCount: the IOMMU's smallest page, a power of two.
  init(ranges: [ClosedRange<UInt64>], pageByteCount: UInt64) {
    self.pageByteCount = pageByteCount
    free = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      // What overlaps an earlier range is left to that one.
      let low = max(range.lowerBound, pageByteCount, free.last.map { $0.upperBound &+ 1 } ?? 0)
      if low <= range.upperBound { free.append(low...range.upperBound) }
    }
  }

  /// Takes a range from the lowest place that fits.
  ///
  /// - Parameters:
  ///   - byteCount: more than 0; rounded up to whole pages.
  ///   - alignment: a power of two, of a page or more.
  /// - Returns: its first address; nil where no free range is long enough.
  /// - Complexity: O(free ranges).
  mutating func take(byteCount: UInt64, alignment: UInt64) -> UInt64? {
    guard let byteCount = rounded(byteCount) else { return nil }
    for index in free.indices {
      let range = free[index]
      let (bumped, overflow) = range.lowerBound.addingReportingOverflow(alignment - 1)
      let first = bumped & ~(alignment - 1)
      guard !overflow, first <= range.upperBound, range.upperBound - first >= byteCount - 1 else { continue }
      let last = first + (byteCount - 1)
      var left: [ClosedRange<UInt64>] = []
      if range.lowerBound < first { left.append(range.lowerBound...(first - 1)) }
      if last < range.upperBound { left.append((last + 1)...range.upperBound) }
      free.replaceSubrange(index...index, with: left)
      return first
    }
    return nil
  }

  /// Gives back what ``take(byteCount:alignment:)`` gave.
  mutating func give(_ first: UInt64, byteCount: UInt64) {
    guard let byteCount = rounded(byteCount) else { return }
    var range = first...(first + (byteCount - 1))
    var index = free.firstIndex { $0.lowerBound > first } ?? free.endIndex
    precondition(index == 0 || free[index - 1].upperBound < first, "I/O addresses came back twice")
    if index < free.endIndex, free[index].lowerBound - 1 == range.upperBound {
      range = first...free[index].upperBound
      free.remove(at: index)
    }
    if index > 0, free[index - 1].upperBound + 1 == first {
      index -= 1
      range = free[index].lowerBound...range.upperBound
      free.remove(at: index)
    }
    free.insert(range, at: index)
  }

  private func rounded(_ byteCount: UInt64) -> UInt64? {
    let (sum, overflow) = byteCount.addingReportingOverflow(pageByteCount - 1)
    return overflow || byteCount == 0 ? nil : sum & ~(pageByteCount - 1)
  }
}
