import CleanQ
import Testing
import TestSupport

@Suite("Burst") struct BurstTests {
  @Test("is first in, first out, across its wrap")
  func order() throws {
    let region = try Region(byteCount: 64 * 256)
    var burst = Burst()
    var next = 0
    var oldest = 0
    for round in 0..<100 {
      for _ in 0..<(round % 7 + 1) where burst.room > 0 {
        var buffer = try take(region.buffer(byteCount: 64))
        check(buffer.setValid(offset: next % 64, byteCount: 0))
        burst.append(buffer)
        next += 1
      }
      for _ in 0..<(round % 5 + 1) {
        guard let buffer = burst.popFirst() else { break }
        check(buffer.headroom == oldest % 64)
        oldest += 1
        buffer.release()
      }
      check(burst.count == next - oldest)
    }
    burst.releaseAll()
    check(region.liveByteCount == 0 && region.leakedBufferCount == 0)
  }

  @Test("append(contentsOf:) takes what fits, in order, and leaves the rest")
  func appendContents() throws {
    let region = try Region(byteCount: 64 * 256)
    var first = try filled(20, region)
    var second = try filled(20, region)
    first.append(contentsOf: &second)
    check(first.count == 32 && second.count == 8)
    var empty = Burst()
    empty.append(contentsOf: &first)
    check(empty.count == 32 && first.isEmpty)
  }

  @Test("its stretches have every buffer in order, across its wrap")
  func stretches() throws {
    let region = try Region(byteCount: 64 * 256)
    for start in 0..<32 {
      // The first `start` places have been used and left.
      var burst = try filled(start, region)
      while let buffer = burst.popFirst() { buffer.release() }
      for index in 0..<29 {
        var buffer = try take(region.buffer(byteCount: 64))
        check(buffer.setValid(offset: index, byteCount: 0))
        burst.append(buffer)
      }
      var index = 2
      var spanCount = 0
      while index < 27 {
        var stretch = burst.contiguousSpan(from: index, to: 27)
        for position in 0..<stretch.count {
          check(stretch[position].headroom == index + position)
          check(stretch[position].prepend(1) || index + position == 0)
        }
        index += stretch.count
        spanCount += 1
      }
      check(index == 27 && spanCount <= 2)
      let headrooms = (0..<29).map { burst[$0].headroom }
      #expect(headrooms == (0..<29).map { (2..<27).contains($0) ? $0 - 1 : $0 }, "start \(start)")
      burst.releaseAll()
    }
  }

  @Test("a burst that goes brings its buffers home")
  func home() throws {
    let region = try Region(byteCount: 64 * 256)
    do { _ = try filled(32, region) }
    check(region.liveByteCount == 0 && region.leakedBufferCount == 32)
  }

  private func filled(_ count: Int, _ region: borrowing Region) throws -> Burst {
    var burst = Burst()
    for _ in 0..<count { burst.append(try take(region.buffer(byteCount: 64))) }
    return burst
  }
}
