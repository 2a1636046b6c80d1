internal import CPlatform

/// The capabilities that the kernel hangs behind a `vfio_iommu_type1_info`: a chain of offsets.
enum InfoChain {
  /// A chain has a handful of links; one that has more goes in a circle.
  private static let maximumLinkCount = 32

  /// The ranges of I/O addresses, bounds included; empty where the kernel states none.
  ///
  /// - Parameter words: the whole structure, as the kernel filled it.
  static func addressRanges(_ words: [UInt32]) -> [ClosedRange<UInt64>] {
    guard words.count > 4, words[1] & UInt32(VFIO_IOMMU_INFO_CAPS) != 0 else { return [] }
    var offset = Int(words[4])
    for _ in 0..<maximumLinkCount {
      // A header is id and version in one word, then the next one's offset.
      let index = offset / 4
      guard offset >= 20, offset % 4 == 0, index + 4 <= words.count else { return [] }
      if words[index] & 0xFFFF == UInt32(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
        let count = min(Int(words[index + 2]), (words.count - index - 4) / 4)
        return (0..<count).compactMap { range(words, at: index + 4 + $0 * 4) }
      }
      offset = Int(words[index + 1])
    }
    return []
  }

  private static func range(_ words: [UInt32], at index: Int) -> ClosedRange<UInt64>? {
    let first = UInt64(words[index]) | UInt64(words[index + 1]) << 32
    let last = UInt64(words[index + 2]) | UInt64(words[index + 3]) << 32
    return first <= last ? first...last : nil
  }
}
