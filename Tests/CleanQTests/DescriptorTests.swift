import Testing
import TestSupport

@testable import CleanQ

@Suite("Descriptor") struct DescriptorTests {
  @Test("is 32 bytes, without holes")
  func layout() {
    check(MemoryLayout<Descriptor>.size == 32)
    check(MemoryLayout<Descriptor>.stride == 32)
    check(MemoryLayout<Buffer>.size == 40)
    check(MemoryLayout<RegionTable.Entry>.stride == 32)
  }

  /// A defect of the published C code: offset 2^64-1 with length 1 passed its check.
  @Test("failure 2, defect: bounds sums overflow. Sums that would overflow are out of bounds, not in")
  func overflow() {
    let id = RegionID(slot: 1, generation: 1)
    let cases: [(UInt64, UInt32, UInt32, UInt32, DescriptorFault?)] = [
      (.max, 1, 0, 0, .outsideRegion), (.max, .max, 0, 0, .outsideRegion), (4096, 1, 0, 0, .outsideRegion),
      (4095, 2, 0, 0, .outsideRegion), (4095, 1, 0, 0, nil), (0, 4096, 0, 0, nil), (0, 4097, 0, 0, .outsideRegion),
      (0, 0, 0, 0, .empty), (.max - 1, 2, 0, 0, .outsideRegion), (0, 16, 16, 0, nil),
      (0, 16, 17, 0, .validOutsideBuffer),
      (0, 16, .max, 1, .validOutsideBuffer), (0, 16, 1, .max, .validOutsideBuffer), (0, 16, 8, 8, nil),
      (0, 16, 8, 9, .validOutsideBuffer), (0, 16, .max, .max, .validOutsideBuffer),
    ]
    for (offset, byteCount, validOffset, validByteCount, fault) in cases {
      let descriptor = Descriptor(
        region: id, offset: offset, byteCount: byteCount, validOffset: validOffset, validByteCount: validByteCount)
      check(descriptor.fault(regionByteCount: 4096) == fault, "\(descriptor)")
    }
  }

  @Test("a mark that does not exist is refused")
  func flags() {
    for bit in 0..<32 {
      let descriptor = Descriptor(
        region: .none, offset: 0, byteCount: 1, flags: BufferFlags(rawValue: 1 << UInt32(bit)))
      let isKnown = BufferFlags.all.contains(BufferFlags(rawValue: 1 << UInt32(bit)))
      check(descriptor.fault(regionByteCount: 1) == (isKnown ? nil : .unknownFlags))
    }
  }

  /// A defect of the published C code: only the low bits of a region id were looked at, and ids were used again.
  @Test(
    "defect: only the low bits of a region id are looked at. A retired region's descriptor does not name its successor")
  func generation() throws {
    var table = RegionTable()
    func retire() throws -> Descriptor {
      let region = try Region(byteCount: 4096)
      let buffer = try take(region.buffer(byteCount: 64))
      return buffer.name
    }
    let stale = try retire()
    let successor = try Region(byteCount: 4096)
    try table.insert(successor)
    check(successor.id.slot != stale.region.slot || successor.id.generation != stale.region.generation)
    check(!table.contains(stale.region))
    let forged = RegionID(slot: successor.id.slot, generation: successor.id.generation + 1)
    check(!table.contains(forged))
    check(table.contains(successor.id))
  }
}
