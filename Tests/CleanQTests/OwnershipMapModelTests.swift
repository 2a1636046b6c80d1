import Testing

@testable import CleanQ

/// The map against an array with one flag per byte.
@Suite("Ownership map against a model") struct OwnershipMapModelTests {
  private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }

  @Test("random moves of random ranges agree with the model", arguments: [1, 63, 64, 65, 4095, 4096, 4097, 9000])
  func moves(byteCount: Int) throws {
    let seed: UInt64 = 0x9E37_79B9 &+ UInt64(byteCount)
    var random = Random(state: seed)
    let map = try #require(OwnershipMap(byteCount: byteCount))
    defer { map.deallocate() }
    var model = [Bool](repeating: false, count: byteCount)
    var moved = 0
    for step in 0..<20_000 {
      // Half of the ranges are of whole granules, as buffers are.
      let unit = step % 2 == 0 && byteCount >= 64 ? 64 : 1
      let units = byteCount / unit
      let start = Int.random(in: 0..<units, using: &random) * unit
      let length = Int.random(in: 1...max(1, min(units - start / unit, step % 3 == 0 ? units : 3)), using: &random)
      let range = start..<(start + length * unit)
      let down = Bool.random(using: &random)
      let expected = model[range].allSatisfy { $0 != down }
      let accepted = map.move(range, down: down)
      guard accepted == expected else {
        Issue.record("seed \(seed), step \(step): \(range) down \(down) gave \(accepted)")
        return
      }
      if accepted { moved += 1 }
      if accepted { for index in range { model[index] = down } }
      if step % 50 == 0 {
        let below = model.count { $0 }
        #expect(map.belowByteCount == below && map.belowByteCount(in: 0..<byteCount) == below)
        #expect(map.belowExtents == Self.extents(model))
      }
      if step % 500 == 499 {
        map.assign(range, below: down)
        for index in range { model[index] = down }
      }
    }
    #expect(moved > 1000, "seed \(seed)")
  }

  private static func extents(_ model: [Bool]) -> [Range<Int>] {
    var extents: [Range<Int>] = []
    for (index, isBelow) in model.enumerated() where isBelow {
      if let last = extents.last, last.upperBound == index {
        extents[extents.count - 1] = last.lowerBound..<(index + 1)
      } else {
        extents.append(index..<(index + 1))
      }
    }
    return extents
  }
}
