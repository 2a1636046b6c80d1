import Testing
import TestSupport

@testable import CleanQ

@Suite("ExtentSet") struct ExtentSetTests {
  @Test("random take and put agree with a set of bytes", arguments: [1, 2, 3, 4, 5] as [UInt64])
  func model(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var set = ExtentSet(0..<512)
    var home = Set(0..<512)
    var out: [Range<Int>] = []
    for _ in 0..<2000 {
      if Bool.random(using: &random) || out.isEmpty {
        let byteCount = Int.random(in: 1...64, using: &random)
        let alignment = [1, 2, 8, 64].randomElement(using: &random) ?? 1
        if let offset = set.take(byteCount: byteCount, alignment: alignment) {
          let range = offset..<(offset + byteCount)
          #expect(offset % alignment == 0, "seed \(seed)")
          #expect(home.isSuperset(of: range), "seed \(seed)")
          home.subtract(range)
          out.append(range)
        } else {
          let isPossible = stride(from: 0, through: 512 - byteCount, by: alignment).contains { start in
            home.isSuperset(of: start..<(start + byteCount))
          }
          #expect(!isPossible, "seed \(seed)")
        }
      } else {
        let range = out.remove(at: Int.random(in: 0..<out.count, using: &random))
        check(set.put(range), "seed \(seed)")
        home.formUnion(range)
      }
      #expect(set.byteCount == home.count, "seed \(seed)")
    }
    for range in out { check(set.put(range)) }
    #expect(set.extents == [0..<512])
  }

  @Test("a byte does not come home twice")
  func twice() {
    var set = ExtentSet(0..<100)
    _ = set.take(byteCount: 50, alignment: 1)
    let firstHalf = 0..<50
    check(set.put(firstHalf))
    check(!set.put(firstHalf))
    let overlap = 49..<51
    check(!set.put(overlap))
    #expect(set.extents == [0..<100])
  }
}
