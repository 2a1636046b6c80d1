import CleanQ
import Foundation
import Testing
import TestSupport

@Suite("Metadata: a line of private memory for each buffer") struct MetadataLineTests {
  /// The bytes of a buffer's line.
  private func line(of buffer: borrowing Buffer) -> [UInt8] {
    // SAFETY: the callers' buffers have lines, and are theirs.
    (0..<MetadataLine.byteCount).map { unsafe buffer.metadata.load(fromByteOffset: $0, as: UInt8.self) }
  }

  private func fill(_ buffer: borrowing Buffer, _ value: UInt8) {
    // SAFETY: as above.
    unsafe buffer.metadata.initializeMemory(as: UInt8.self, repeating: value, count: MetadataLine.byteCount)
  }

  @Test(
    "no two buffers share a byte of theirs, wherever they lie in their region", arguments: 1...8 as ClosedRange<UInt64>)
  func disjoint(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let region = try Region(byteCount: 1 << 20)
    var buffers = Burst()
    while buffers.room > 0 {
      let byteCount = Int.random(in: 1...3000, using: &random)
      let alignment = [1, 2, 64, 512].randomElement(using: &random) ?? 1
      buffers.append(try take(region.buffer(byteCount: byteCount, alignment: alignment)))
      let newest = buffers.count - 1
      #expect(buffers[newest].hasMetadata == (byteCount >= 512))
      guard buffers[newest].hasMetadata else { continue }
      #expect(line(of: buffers[newest]).allSatisfy { $0 == 0 }, "seed \(seed): a line begins empty")
      fill(buffers[newest], UInt8(newest + 1))
      var bytes = buffers[newest].mutableStorage
      for index in 0..<bytes.count { bytes[index] = 0xFF }
    }
    for index in 0..<buffers.count where buffers[index].hasMetadata {
      #expect(line(of: buffers[index]).allSatisfy { $0 == UInt8(index + 1) }, "seed \(seed), buffer \(index)")
    }
    buffers.releaseAll()
  }

  @Test("a buffer that is carved where another was begins empty again")
  func again() throws {
    let region = try Region(byteCount: 4096)
    let first = try take(region.buffer(byteCount: 4096))
    fill(first, 7)
    first.release()
    let second = try take(region.buffer(byteCount: 4096))
    #expect(line(of: second).allSatisfy { $0 == 0 })
  }

  @Test("the second part of a split begins empty, and a join has what its first part had")
  func split() throws {
    let region = try Region(byteCount: 8192)
    var first = try take(region.buffer(byteCount: 4096))
    first.record = CaptureRecord(seconds: 5, nanoseconds: 6, originalByteCount: 7)
    let line = line(of: first)
    var second = try take(first.split(at: 2048))
    #expect(self.line(of: first) == line)
    #expect(self.line(of: second).allSatisfy { $0 == 0 })
    check(first.record?.seconds == 5 && second.record?.seconds == 0)
    second.record = CaptureRecord(seconds: 9, nanoseconds: 9, originalByteCount: 9)
    var rest = first.merge(second)
    check(rest == nil && first.record?.seconds == 5)
    // A first part that is too short for a line of its own loses what it had.
    rest = try take(first.split(at: 100))
    check(!first.hasMetadata && first.record == nil)
    if let part = rest.take() { rest = first.merge(part) }
    check(rest == nil && first.record?.seconds == 0)
    #expect(self.line(of: first).allSatisfy { $0 == 0 })
  }

  @Test("the lines of a region that a peer maps are memory of this process", arguments: [4096, 4 << 20])
  func isPrivate(byteCount: Int) throws {
    let region = try Region(byteCount: byteCount, backing: .shared)
    let buffer = try take(region.buffer(byteCount: 4096))
    let address = UInt(bitPattern: unsafe buffer.metadata)
    let last = region.address - UInt(region.byteCount / 8) - 64
    check(address < region.address && region.address - address <= 64)
    // One read gives a page of it.
    let file = try #require(FileHandle(forReadingAtPath: "/proc/self/maps"))
    let maps = String(decoding: try #require(try file.readToEnd()), as: UTF8.self).split(separator: "\n")
    for place in [address, last] {
      let mapping = try #require(maps.first { Self.range($0).contains(place) })
      let fields = mapping.split(separator: " ")
      #expect(fields[1] == "rw-p" && fields[4] == "0", "no file is behind it, and nobody shares it: \(mapping)")
    }
    let mapping = try #require(maps.first { Self.range($0).contains(region.address) })
    #expect(mapping.split(separator: " ")[1] == "rw-s")
  }

  private static func range(_ line: Substring) -> Range<UInt> {
    let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
    return ends.count == 2 && ends[0] <= ends[1] ? ends[0]..<ends[1] : 0..<0
  }
}
