import Testing

@testable import CleanQVirtio

/// Configuration spaces as functions show them, and as they must not.
struct PCIStructuresTests {
  /// A function with capabilities of virtio: kind, BAR, offset, length each; the notifications with their multiplier.
  private func space(_ capabilities: [(kind: UInt8, bar: UInt8, offset: UInt32, byteCount: UInt32)]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    bytes[0x06] = 0x10
    bytes[0x34] = 0x40
    for (index, capability) in capabilities.enumerated() {
      let start = 0x40 + index * 20
      bytes[start] = 0x09
      bytes[start + 1] = index + 1 < capabilities.count ? UInt8(start + 20) : 0
      bytes[start + 2] = 20
      bytes[start + 3] = capability.kind
      bytes[start + 4] = capability.bar
      for byte in 0..<4 {
        bytes[start + 8 + byte] = UInt8(truncatingIfNeeded: capability.offset >> UInt32(8 * byte))
        bytes[start + 12 + byte] = UInt8(truncatingIfNeeded: capability.byteCount >> UInt32(8 * byte))
      }
      bytes[start + 16] = capability.kind == 2 ? 4 : 0
    }
    return bytes
  }

  @Test func readsWhatQEMUShows() throws {
    let bytes = space([
      (5, 0, 0, 4), (2, 4, 0x3000, 0x1000), (4, 4, 0x2000, 0x1000), (3, 4, 0x1000, 0x1000), (1, 4, 0, 0x1000),
    ])
    let structures = try #require(VirtioPCIStructures(bytes))
    #expect(structures.common == .init(bar: 4, offset: 0, byteCount: 0x1000))
    #expect(structures.notification == .init(bar: 4, offset: 0x3000, byteCount: 0x1000))
    #expect(structures.device == .init(bar: 4, offset: 0x2000, byteCount: 0x1000))
    #expect(structures.notifyMultiplier == 4)
  }

  /// § 4.1.4.1: the driver uses the first one of a kind that it can use, and passes over BARs that cannot be.
  @Test func takesTheFirstOfAKindThatCanBe() throws {
    let bytes = space([(1, 6, 0, 56), (1, 2, 3, 56), (1, 1, 64, 56), (1, 4, 0, 56), (2, 0, 0, 2), (9, 0, 0, 4)])
    let structures = try #require(VirtioPCIStructures(bytes))
    #expect(structures.common == .init(bar: 1, offset: 64, byteCount: 56))
    #expect(structures.device == nil)
  }

  @Test func aLegacyDeviceHasNone() {
    #expect(VirtioPCIStructures([UInt8](repeating: 0, count: 256)) == nil)
    #expect(VirtioPCIStructures([]) == nil)
    #expect(VirtioPCIStructures(space([(3, 0, 0, 4)])) == nil)
    #expect(VirtioPCIStructures(space([(1, 0, 0, 56)])) == nil, "no notifications")
    #expect(VirtioPCIStructures(space([(1, 0, 0, 55), (2, 0, 0, 2)])) == nil, "too short to be driven")
  }

  @Test func whateverTheSpaceHoldsIsNoTrap() {
    var state: UInt64 = 7
    for _ in 0..<20_000 {
      var bytes = (0..<256).map { _ -> UInt8 in
        state = state &* 6_364_136_223_846_793_005 &+ 1
        return UInt8(truncatingIfNeeded: state >> 33)
      }
      bytes[0x06] |= 0x10
      // Likelier to be a chain of virtio's.
      for index in stride(from: 0x40, to: 256, by: 4) where bytes[index] & 1 != 0 { bytes[index] = 0x09 }
      _ = VirtioPCIStructures(bytes)
    }
  }
}
