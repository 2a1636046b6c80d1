/// A set of byte ranges, kept sorted, disjoint and merged: the bytes of a region that no buffer names.
///
/// Used when buffers are carved from a region and when they are returned, never per packet.
struct ExtentSet: Equatable, Sendable {
  private(set) var extents: [Range<Int>]

  init(_ whole: Range<Int>) { extents = whole.isEmpty ? [] : [whole] }

  /// How many bytes the set holds.
  var byteCount: Int { extents.reduce(0) { $0 + $1.count } }

  /// Takes `byteCount` bytes that start at a multiple of `alignment`, first fit.
  ///
  /// - Returns: the offset of the first byte, or nil where no extent is long enough.
  /// - Complexity: O(number of extents).
  mutating func take(byteCount: Int, alignment: Int) -> Int? {
    for (index, extent) in extents.enumerated() {
      let start = (extent.lowerBound + alignment - 1) / alignment * alignment
      guard start <= extent.upperBound, extent.upperBound - start >= byteCount else { continue }
      let rest = [extent.lowerBound..<start, (start + byteCount)..<extent.upperBound].filter { !$0.isEmpty }
      extents.replaceSubrange(index...index, with: rest)
      return start
    }
    return nil
  }

  /// Puts a range back and merges it with its neighbours.
  ///
  /// - Returns: false, with nothing changed, where a byte of the range is in the set already.
  /// - Complexity: O(log n) to find the place, O(n) to insert.
  mutating func put(_ range: Range<Int>) -> Bool {
    var low = 0
    var high = extents.count
    while low < high {
      let middle = (low + high) / 2
      if extents[middle].lowerBound < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    if low > 0, extents[low - 1].upperBound > range.lowerBound { return false }
    if low < extents.count, extents[low].lowerBound < range.upperBound { return false }
    var merged = range
    var replaced = low..<low
    if low > 0, extents[low - 1].upperBound == merged.lowerBound {
      merged = extents[low - 1].lowerBound..<merged.upperBound
      replaced = (low - 1)..<replaced.upperBound
    }
    if low < extents.count, extents[low].lowerBound == merged.upperBound {
      merged = merged.lowerBound..<extents[low].upperBound
      replaced = replaced.lowerBound..<(low + 1)
    }
    extents.replaceSubrange(replaced, with: CollectionOfOne(merged))
    return true
  }
}
