import Testing

@testable import CleanQVirtio

/// Whether the device is to be notified, also where more was published since the last notification than an index can count.
@Suite("virtqueue notifications")
struct VirtqueueKickTests {
  private static let size = 64

  /// A ring without a driver or a device: its memory, and how many chains were published.
  private struct Rig<Ring: VirtqueueRing>: ~Copyable {
    let area: VirtqueueArea
    var ring: Ring
    var total = 0

    init(usesEventIndex: Bool) throws {
      let size = VirtqueueKickTests.size
      let memory = try VirtqueueMemory(ModelDevice(), byteCount: VirtqueueArea.byteCount(size: size))
      area = try VirtqueueArea(memory, size: size, isPacked: Ring.isPacked)
      ring = Ring(area, usesEventIndex: usesEventIndex)
    }

    /// Publishes chains of one descriptor. The device would use each of them at once.
    mutating func publish(_ count: Int) {
      for _ in 0..<count {
        let id = UInt16(total % VirtqueueKickTests.size)
        ring.write(address: 0, byteCount: 1, marks: 0, id: id, next: 0, head: id)
        ring.endChain(head: id)
        ring.publish()
        total += 1
      }
    }

    /// The device asks to be notified of the chain with this number. § 2.7.10, § 2.8.10
    func ask(for number: Int) {
      let size = VirtqueueKickTests.size
      // SAFETY: a word of the area's, which nobody else uses.
      if Ring.isPacked {
        let wrap = number / size % 2 == 0 ? 0x8000 : 0
        unsafe area.pointer(area.layout.deviceAddress).storeBytes(
          of: UInt32(number % size | wrap | 2 << 16), as: UInt32.self)
      } else {
        unsafe area.pointer(area.layout.deviceAddress).storeBytes(
          of: UInt16(truncatingIfNeeded: number), toByteOffset: 4 + 8 * size, as: UInt16.self)
      }
    }
  }

  static let counts = [1, 63, 64, 65, 65_535, 65_536, 65_537, 131_072, 131_073]

  private func checkKicks<Ring: VirtqueueRing>(_ kind: Ring.Type, count: Int) throws {
    for ahead in [1, 2, Self.size] where ahead <= count {
      var rig = try Rig<Ring>(usesEventIndex: true)
      rig.publish(5)
      _ = rig.ring.wantsKick()
      rig.publish(count - ahead)
      // The device has used all of these without being notified, and goes to sleep.
      rig.ask(for: rig.total)
      rig.publish(ahead)
      var isWanted = rig.ring.wantsKick()
      #expect(isWanted, "a device that sleeps is not woken: it has seen \(count - ahead) chains of \(count)")
      isWanted = rig.ring.wantsKick()
      #expect(!isWanted, "nothing was published since")
    }
    var rig = try Rig<Ring>(usesEventIndex: false)
    rig.publish(count)
    let isWanted = rig.ring.wantsKick()
    #expect(isWanted, "without an event index, after \(count) chains")
  }

  @Test("a device that sleeps is notified, however much was published since the last time", arguments: counts)
  func kicks(count: Int) throws {
    try checkKicks(SplitRing.self, count: count)
    try checkKicks(PackedRing.self, count: count)
  }

  private func checkSilence<Ring: VirtqueueRing>(_ kind: Ring.Type) throws {
    var rig = try Rig<Ring>(usesEventIndex: true)
    rig.publish(5)
    _ = rig.ring.wantsKick()
    rig.ask(for: 5 + 40)
    rig.publish(40)
    var isWanted = rig.ring.wantsKick()
    #expect(!isWanted, "the chain that the device asked for is not there yet")
    rig.publish(1)
    isWanted = rig.ring.wantsKick()
    #expect(isWanted)
  }

  @Test("a device is not notified before the chain that it asked for is there")
  func silence() throws {
    try checkSilence(SplitRing.self)
    try checkSilence(PackedRing.self)
  }
}
