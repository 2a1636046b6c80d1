internal import Glibc

/// Which bytes of one region are below: exact for every split and merge, and one or two words for a common buffer.
///
/// The region is cut into granules of 64 bytes, and each has two bits: all of it is below; part of it is. Which part, a word
/// of its own says, one bit per byte, which is looked at for such granules only. A buffer of 2 KiB that starts at a
/// multiple of 64 is 32 bits of one word.
///
///     words   | whole | partial | whole | partial | ...    64 granules, 4 KiB of the region, per pair
///     masks   |  g0   |   g1    |  g2   |   g3    | ...    64 bytes, one bit each, valid where `partial` is set
///
/// Invariants: a granule is not both whole and partial; the mask of a partial one is neither empty nor full. Memory: 1/256
/// of the region; the masks are a further eighth that is touched only where buffers end inside a granule. Owned by whoever
/// made the value, who calls ``deallocate()``.
@safe
struct OwnershipMap: BitwiseCopyable {
  private let words: UnsafeMutablePointer<UInt64>
  private let masks: UnsafeMutablePointer<UInt64>
  private let granuleCount: Int

  static let granuleByteCount = 64

  /// A map of a region of which no byte is below; nil without memory.
  init?(byteCount: Int) {
    let count = (byteCount + Self.granuleByteCount - 1) / Self.granuleByteCount
    guard let words = unsafe Self.zeroedWords(2 * ((count + 63) / 64)) else { return nil }
    guard let masks = unsafe Self.zeroedWords(count) else {
      unsafe free(words)
      return nil
    }
    unsafe self.words = unsafe words
    unsafe self.masks = unsafe masks
    granuleCount = count
  }

  /// Ends the map; no copy of it may be used after this.
  func deallocate() {
    unsafe free(words)
    unsafe free(masks)
  }

  /// Zeroed by the kernel at first touch where they are many.
  private static func zeroedWords(_ count: Int) -> UnsafeMutablePointer<UInt64>? {
    // SAFETY: calloc's memory is aligned to 16 bytes and holds `count` words.
    unsafe calloc(count, MemoryLayout<UInt64>.stride)?.bindMemory(to: UInt64.self, capacity: count)
  }

  /// A range cut at the granules' edges: whole granules, and the parts of one at either end. A mask of 0 is not a part.
  private struct Pieces {
    var wholes: Range<Int>
    let first: Int
    let last: Int
    var headMask: UInt64
    var tailMask: UInt64

    @inline(__always)
    init(_ range: Range<Int>) {
      first = range.lowerBound >> 6
      last = (range.upperBound &- 1) >> 6
      headMask = ~0 &<< UInt64(truncatingIfNeeded: range.lowerBound & 63)
      tailMask = ~0 &>> UInt64(truncatingIfNeeded: 63 &- (range.upperBound &- 1) & 63)
      if first == last {
        headMask &= tailMask
        tailMask = 0
        let isWhole = headMask == ~0
        wholes = first..<(isWhole ? first &+ 1 : first)
        if isWhole { headMask = 0 }
        return
      }
      let start = headMask == ~0 ? first : first &+ 1
      let end = tailMask == ~0 ? last &+ 1 : last
      if headMask == ~0 { headMask = 0 }
      if tailMask == ~0 { tailMask = 0 }
      wholes = start..<end
    }
  }

  /// Moves a range to the other side, if every byte of it is on this one.
  ///
  /// - Parameters:
  ///   - range: not empty, inside the region.
  ///   - down: from above to below; else from below to above.
  /// - Returns: false, with nothing changed, where a byte is on the wrong side.
  /// - Complexity: O(1) up to 4 KiB, then O(length / 4 KiB).
  @inline(__always)
  func move(_ range: Range<Int>, down: Bool) -> Bool {
    let start = range.lowerBound
    let last = range.upperBound &- 1
    // The common buffer: whole granules in one word.
    guard (start | range.upperBound) & 63 == 0, start >> 12 == last >> 12 else { return moveParts(range, down: down) }
    let low: UInt64 = ~0 &>> UInt64(truncatingIfNeeded: 63 &- (last &- start) >> 6)
    let mask = low &<< UInt64(truncatingIfNeeded: (start >> 6) & 63)
    // SAFETY: the range is inside the region, and so its granules are inside the map.
    let pair = unsafe words + 2 &* (start >> 12)
    let whole = unsafe pair[0]
    if down {
      guard unsafe (whole | pair[1]) & mask == 0 else { return false }
      unsafe pair[0] = whole | mask
    } else {
      guard whole & mask == mask else { return false }
      unsafe pair[0] = whole & ~mask
    }
    return true
  }

  @inline(never)
  private func moveParts(_ range: Range<Int>, down: Bool) -> Bool {
    let pieces = Pieces(range)
    guard holds(pieces, below: !down) else { return false }
    set(pieces, below: down)
    return true
  }

  private func holds(_ pieces: Pieces, below: Bool) -> Bool {
    if pieces.headMask != 0, part(pieces.first) & pieces.headMask != (below ? pieces.headMask : 0) { return false }
    if pieces.tailMask != 0, part(pieces.last) & pieces.tailMask != (below ? pieces.tailMask : 0) { return false }
    var granule = pieces.wholes.lowerBound
    while granule < pieces.wholes.upperBound {
      let (word, mask) = Self.nextWord(&granule, pieces.wholes.upperBound)
      // SAFETY: the range is inside the region, and so its granules are inside the map.
      let whole = unsafe words[2 &* word]
      let partial = unsafe words[2 &* word &+ 1]
      if below ? whole & mask != mask : (whole | partial) & mask != 0 { return false }
    }
    return true
  }

  private func set(_ pieces: Pieces, below: Bool) {
    if pieces.headMask != 0 { setPart(pieces.first, pieces.headMask, below: below) }
    if pieces.tailMask != 0 { setPart(pieces.last, pieces.tailMask, below: below) }
    var granule = pieces.wholes.lowerBound
    while granule < pieces.wholes.upperBound {
      let (word, mask) = Self.nextWord(&granule, pieces.wholes.upperBound)
      // SAFETY: as in `holds`. None of these granules is partial.
      let whole = unsafe words[2 &* word]
      unsafe words[2 &* word] = below ? whole | mask : whole & ~mask
    }
  }

  /// The pair of words that holds a granule, and the bits in it up to `end`; steps to the first granule behind them.
  @inline(__always)
  private static func nextWord(_ granule: inout Int, _ end: Int) -> (word: Int, mask: UInt64) {
    let word = granule >> 6
    let bit = granule & 63
    let count = min(64 &- bit, end &- granule)
    granule = granule &+ count
    let low: UInt64 = ~0 &>> UInt64(truncatingIfNeeded: 64 &- count)
    return (word, low &<< UInt64(truncatingIfNeeded: bit))
  }

  /// Which bytes of a granule are below, one bit each.
  private func part(_ granule: Int) -> UInt64 {
    let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: granule & 63)
    // SAFETY: the granule is inside the map.
    if unsafe words[2 &* (granule >> 6)] & bit != 0 { return ~0 }
    return unsafe words[2 &* (granule >> 6) &+ 1] & bit != 0 ? masks[granule] : 0
  }

  private func setPart(_ granule: Int, _ mask: UInt64, below: Bool) {
    let value = below ? part(granule) | mask : part(granule) & ~mask
    let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: granule & 63)
    let index = 2 &* (granule >> 6)
    // SAFETY: the granule is inside the map.
    let whole = unsafe words[index] & ~bit
    let partial = unsafe words[index &+ 1] & ~bit
    unsafe words[index] = value == ~0 ? whole | bit : whole
    unsafe words[index &+ 1] = value != 0 && value != ~0 ? partial | bit : partial
    unsafe masks[granule] = value
  }
}

// Off the data path: for reports, and when a region is adopted.
extension OwnershipMap {
  /// How many bytes of a range are below.
  ///
  /// - Complexity: O(length / 64).
  func belowByteCount(in range: Range<Int>) -> Int {
    var sum = 0
    for granule in (range.lowerBound >> 6)...((range.upperBound - 1) >> 6) {
      sum += (part(granule) & Self.mask(of: range, in: granule)).nonzeroBitCount
    }
    return sum
  }

  /// How many bytes are below.
  ///
  /// - Complexity: O(size of the region / 4 KiB), and O(1) for each granule that is partly below.
  var belowByteCount: Int {
    var sum = 0
    for word in 0..<(granuleCount + 63) / 64 {
      // SAFETY: the word is inside the map.
      sum += unsafe words[2 * word].nonzeroBitCount * Self.granuleByteCount
      var partial = unsafe words[2 * word + 1]
      while partial != 0 {
        sum += unsafe masks[64 * word + partial.trailingZeroBitCount].nonzeroBitCount
        partial &= partial - 1
      }
    }
    return sum
  }

  /// Puts a whole range on one side, wherever its bytes are.
  func assign(_ range: Range<Int>, below: Bool) {
    for granule in (range.lowerBound >> 6)...((range.upperBound - 1) >> 6) {
      setPart(granule, Self.mask(of: range, in: granule), below: below)
    }
  }

  /// Which bytes of a granule are in a range that has some of them.
  private static func mask(of range: Range<Int>, in granule: Int) -> UInt64 {
    let bytes = granule * 64..<granule * 64 + 64
    let inside = bytes.clamped(to: range)
    let low: UInt64 = ~0 >> UInt64(64 - inside.count)
    return low << UInt64(inside.lowerBound - bytes.lowerBound)
  }

  /// The ranges that are below, in order.
  ///
  /// - Complexity: O(size of the region / 64).
  var belowExtents: [Range<Int>] {
    var extents: [Range<Int>] = []
    for granule in 0..<granuleCount {
      var left = part(granule)
      while left != 0 {
        let start = left.trailingZeroBitCount
        let length = (~(left >> UInt64(start))).trailingZeroBitCount
        left &= length == 64 ? 0 : ~(((1 << UInt64(length)) - 1) << UInt64(start))
        let range = (granule * 64 + start)..<(granule * 64 + start + length)
        if let last = extents.last, last.upperBound == range.lowerBound {
          extents[extents.count - 1] = last.lowerBound..<range.upperBound
        } else {
          extents.append(range)
        }
      }
    }
    return extents
  }
}
