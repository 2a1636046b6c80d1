import TestSupport
import Testing

@testable import CleanQVFIO

struct AddressSpaceTests {
  /// The ranges of a virtual Intel IOMMU with 39 bits: below and above the window of message-signalled interrupts.
  static let reported: [ClosedRange<UInt64>] = [0...0xFEDF_FFFF, 0xFEF0_0000...0x7F_FFFF_FFFF]

  @Test func neverGivesAddressZeroOrAnythingOutside() {
    var addresses = IOVAAllocator(ranges: [0...0x4FFF], pageByteCount: 4096)
    #expect(addresses.take(byteCount: 0x4000, alignment: 4096) == 0x1000)
    #expect(addresses.take(byteCount: 1, alignment: 4096) == nil)
    #expect(addresses.free.isEmpty)
  }

  @Test func leavesHolesAlone() {
    var addresses = IOVAAllocator(ranges: Self.reported.reversed(), pageByteCount: 4096)
    #expect(addresses.take(byteCount: 0xFE00_0000, alignment: 2 << 20) == 0x20_0000)
    #expect(addresses.take(byteCount: 0x100_0000, alignment: 2 << 20) == 0xFF00_0000, "behind the window")
    #expect(addresses.take(byteCount: 0x2000, alignment: 4096) == 0x1000, "before the first")
    #expect(addresses.take(byteCount: .max, alignment: 4096) == nil)
    #expect(addresses.take(byteCount: 0, alignment: 4096) == nil)
    #expect(addresses.take(byteCount: 1 << 39, alignment: 4096) == nil)
  }

  @Test func overlappingRangesAreOne() {
    var addresses = IOVAAllocator(ranges: [0x1000...0x3FFF, 0x2000...0x5FFF, 0x1000...0x1FFF], pageByteCount: 4096)
    #expect(addresses.take(byteCount: 0x3000, alignment: 4096) == 0x1000)
    #expect(addresses.take(byteCount: 0x2000, alignment: 4096) == 0x4000)
    #expect(addresses.take(byteCount: 1, alignment: 4096) == nil)
  }

  @Test func reachesTheLastAddress() {
    let lastPage = UInt64.max - 0xFFF
    var addresses = IOVAAllocator(ranges: [lastPage...UInt64.max], pageByteCount: 4096)
    #expect(addresses.take(byteCount: 4096, alignment: 4096) == lastPage)
    addresses.give(lastPage, byteCount: 4096)
    #expect(addresses.take(byteCount: 8192, alignment: 4096) == nil)
    #expect(addresses.free == [lastPage...UInt64.max])
  }

  /// Whatever is taken and given back in whatever order, what is out never overlaps, and in the end all is free again.
  @Test(arguments: seeds(3))
  func takesAndGivesAtRandom(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var addresses = IOVAAllocator(ranges: Self.reported, pageByteCount: 4096)
    let initial = addresses.free
    var out: [(first: UInt64, byteCount: UInt64)] = []
    for _ in 0..<2000 {
      if !out.isEmpty, random.next() % 2 == 0 {
        let one = out.remove(at: Int(random.next() % UInt64(out.count)))
        addresses.give(one.first, byteCount: one.byteCount)
      } else {
        let byteCount = random.next() % (1 << 24) + 1
        let alignment: UInt64 = byteCount >= 2 << 20 ? 2 << 20 : 4096
        guard let first = addresses.take(byteCount: byteCount, alignment: alignment) else { continue }
        #expect(first % alignment == 0, "seed \(seed)")
        out.append((first, (byteCount + 4095) / 4096 * 4096))
      }
      let taken = out.map { $0.first...($0.first + $0.byteCount - 1) } + addresses.free
      let sorted = taken.sorted { $0.lowerBound < $1.lowerBound }
      for (one, next) in zip(sorted, sorted.dropFirst()) {
        #expect(one.upperBound < next.lowerBound, "seed \(seed)")
      }
    }
    for one in out { addresses.give(one.first, byteCount: one.byteCount) }
    #expect(addresses.free == initial, "seed \(seed)")
  }

  @Test func readsTheChainOfTheIOMMU() {
    // A capability of another kind at 24, then the ranges at 40.
    var words: [UInt32] = [104, 3, 0x1000, 0, 24, 0, 2 | 1 << 16, 40, 0, 0, 1 | 1 << 16, 0, 2, 0]
    words += [0, 0, 0xFEDF_FFFF, 0, 0xFEF0_0000, 0, 0xFFFF_FFFF, 0x7F]
    #expect(InfoChain.addressRanges(words) == Self.reported)
    words[1] = 1
    #expect(InfoChain.addressRanges(words).isEmpty, "the flag says that there is no chain")
  }

  @Test func aChainThatLiesEnds() {
    func ranges(_ offset: UInt32, _ tail: [UInt32]) -> [ClosedRange<UInt64>] {
      InfoChain.addressRanges([0, 2, 0, 0, offset, 0] + tail)
    }
    #expect(ranges(24, [2, 24, 0, 0]).isEmpty, "a circle")
    #expect(ranges(0xFFFF_FFFC, []).isEmpty)
    #expect(ranges(22, [1, 0, 1, 0]).isEmpty, "not aligned")
    #expect(ranges(24, [1, 0, .max, 0, 1, 0, 2, 0]) == [1...2], "a count beyond the end")
    #expect(ranges(24, [1, 0, 1, 0, 5, 0, 2, 0]).isEmpty, "a range that ends before it begins")
  }

  @Test func walksCapabilities() {
    var bytes = [UInt8](repeating: 0, count: 256)
    func put(_ offset: Int, _ id: UInt8, next: UInt8) {
      bytes.replaceSubrange(offset..<(offset + 2), with: [id, next])
    }
    bytes[0x34] = 0x98
    put(0x98, PCICapability.msix, next: 0x84)
    put(0x84, PCICapability.vendorSpecific, next: 0x41)
    put(0x40, PCICapability.pciExpress, next: 0)
    #expect(PCICapability.all(in: bytes).isEmpty, "the status says that there is no chain")
    bytes[6] = 0x10
    #expect(PCICapability.all(in: bytes).map(\.offset) == [0x98, 0x84, 0x40])
    put(0x40, PCICapability.pciExpress, next: 0x98)
    #expect(PCICapability.all(in: bytes).count == 48, "a circle ends")
    put(0x84, PCICapability.vendorSpecific, next: 0x20)
    #expect(PCICapability.all(in: bytes).map(\.offset) == [0x98, 0x84], "a link into the header ends the chain")
    #expect(PCICapability.all(in: []).isEmpty)
  }
}
