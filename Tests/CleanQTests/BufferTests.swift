import CleanQ
import Testing
import TestSupport

@Suite("Buffer") struct BufferTests {
  @Test("the valid part moves inside the buffer and never out of it")
  func validPart() throws {
    let region = try Region(byteCount: 4096)
    var buffer = try take(region.buffer(byteCount: 100))
    check(buffer.headroom == 0 && buffer.validByteCount == 0 && buffer.tailroom == 100)
    check(buffer.setValid(offset: 40, byteCount: 20))
    check(buffer.headroom == 40 && buffer.validByteCount == 20 && buffer.tailroom == 40)
    let nonsense = [(-1, 1), (1, -1), (101, 0), (100, 1), (.max, .max), (.min, 1), (0, .max)]
    for (offset, byteCount) in nonsense {
      let accepted = buffer.setValid(offset: offset, byteCount: byteCount)
      check(!accepted)
    }
    check(buffer.headroom == 40 && buffer.validByteCount == 20)
    check(buffer.prepend(40))
    check(buffer.headroom == 0 && buffer.validByteCount == 60)
    for count in [1, -1, Int.max, .min] {
      let accepted = buffer.prepend(count)
      check(!accepted)
    }
    check(buffer.trimFront(10))
    check(buffer.headroom == 10 && buffer.validByteCount == 50)
    for count in [51, -1, Int.max] {
      let trimmed = buffer.trimFront(count)
      let truncated = buffer.truncate(to: count)
      check(!trimmed && !truncated)
    }
    for (count, kept) in [(51, 0), (50, 1), (0, 51), (-1, 0), (0, -1), (Int.max, 0), (0, Int.min), (1, Int.max)] {
      let trimmed = buffer.trimFront(count, keeping: kept)
      check(!trimmed && buffer.headroom == 10 && buffer.validByteCount == 50)
    }
    check(buffer.trimFront(5, keeping: 30))
    check(buffer.headroom == 15 && buffer.validByteCount == 30)
    check(buffer.trimFront(0, keeping: 30) && buffer.trimFront(20, keeping: 0))
    check(buffer.headroom == 35 && buffer.validByteCount == 0 && buffer.prepend(25))
    check(buffer.truncate(to: 0))
    check(buffer.tailroom == 90)
  }

  @Test("is single with the mark of the last and no other")
  func isSingle() throws {
    let region = try Region(byteCount: 4096)
    var buffer = try take(region.buffer(byteCount: 100))
    for marks in UInt32(0)..<4 {
      buffer.flags = BufferFlags(rawValue: marks)
      check(buffer.isSingle == (marks == 1))
    }
  }

  @Test("reset leaves standard headroom, or all there is")
  func reset() throws {
    let region = try Region(byteCount: 4096)
    var long = try take(region.buffer(byteCount: 2048))
    long.reset()
    check(long.headroom == Buffer.standardHeadroom && long.validByteCount == 0)
    var short = try take(region.buffer(byteCount: 10))
    short.reset()
    check(short.headroom == 10 && short.tailroom == 0)
  }

  @Test("going out of scope brings the bytes home and is counted")
  func leaked() throws {
    let region = try Region(byteCount: 4096)
    do {
      let buffer = try take(region.buffer(byteCount: 256))
      check(region.liveByteCount == 256)
      _ = buffer.byteCount
    }
    check(region.liveByteCount == 0)
    check(region.liveBufferCount == 0)
    check(region.leakedBufferCount == 1)
  }

  @Test("views show what was written, and only the valid part")
  func views() throws {
    let region = try Region(byteCount: 4096)
    var buffer = try take(region.buffer(byteCount: 64))
    var all = buffer.mutableStorage
    for index in 0..<64 { all[index] = UInt8(index) }
    check(buffer.setValid(offset: 10, byteCount: 5))
    let bytes = buffer.bytes
    check(bytes.count == 5 && bytes[0] == 10 && bytes[4] == 14)
    check(buffer.storage.count == 64)
  }

  @Test("split and merge keep every byte, and the valid part", arguments: 1..<64)
  func splitMerge(position: Int) throws {
    let region = try Region(byteCount: 64)
    for (offset, byteCount) in [(0, 64), (0, 0), (64, 0), (10, 20), (40, 20), (20, 1)] {
      var buffer = try take(region.buffer(byteCount: 64))
      check(buffer.setValid(offset: offset, byteCount: byteCount))
      let rest = try take(buffer.split(at: position))
      check(buffer.byteCount == position && rest.byteCount == 64 - position)
      check(buffer.offset + buffer.byteCount == rest.offset)
      check(buffer.validByteCount + rest.validByteCount == byteCount)
      check(region.liveBufferCount == 2 && region.liveByteCount == 64)
      check(buffer.merge(rest) == nil)
      check(buffer.byteCount == 64 && buffer.validByteCount == byteCount)
      if byteCount > 0 { check(buffer.headroom == offset) }
      check(region.liveBufferCount == 1 && region.liveByteCount == 64)
      buffer.release()
    }
    check(region.leakedBufferCount == 0)
  }

  @Test("split at an edge and merge of what does not touch change nothing")
  func splitMergeRefused() throws {
    let region = try Region(byteCount: 4096)
    var first = try take(region.buffer(byteCount: 64))
    for position in [0, 64, 65, -1, Int.max] {
      let isRefused = first.split(at: position) == nil
      check(isRefused)
    }
    let gap = try take(region.buffer(byteCount: 64))
    var third = try take(region.buffer(byteCount: 64))
    let back = first.merge(third)
    check(back != nil)
    third = try take(back)
    check(first.setValid(offset: 0, byteCount: 10) && third.setValid(offset: 0, byteCount: 64))
    check(first.byteCount == 64 && third.byteCount == 64 && gap.byteCount == 64)
  }
}
