internal import CPlatform
internal import Synchronization

/// A packed virtqueue: one ring of descriptors, which driver and device take turns to write.
///
/// Source: [virtio 1.2 § 2.8 Packed Virtqueues]. Whose turn it is stands in two bits of each descriptor, whose meaning
/// turns round with each lap (the wrap counters). Little-endian.
@safe
struct PackedRing: VirtqueueRing, @unchecked Sendable {
  static var isPacked: Bool { true }

  // Shared with the device. § 2.8.13, § 2.8.14
  /// Two words for each descriptor: address; length, id, marks.
  private let ring: UnsafeMutablePointer<Atomic<UInt64>>
  /// Offset and wrap bit in the low half, flags in the high one.
  private let driverEvent: UnsafeMutablePointer<Atomic<UInt32>>
  private let deviceEvent: UnsafeMutablePointer<Atomic<UInt32>>

  // Private.
  private let size: UInt16
  private let usesEventIndex: Bool
  private var nextAvailable: UInt16 = 0
  /// AVAIL and USED as the driver sets them in this lap.
  private var turnBits: UInt16 = Self.availableBit
  private var nextUsed: UInt16 = 0
  /// The marks of a descriptor that the device has used in this lap.
  private var usedMarks: UInt16 = Self.bothBits
  /// The first descriptor since the last ``publish()``: its second word is written last.
  private var firstWord: UInt64 = 0
  private var firstPosition: UInt16 = 0
  private var unpublishedCount: UInt16 = 0
  /// Descriptors published since the device was last asked whether it wants a notification.
  private var unannouncedCount = 0

  /// `VIRTQ_DESC_F_AVAIL` and `VIRTQ_DESC_F_USED`. § 2.8.1
  private static var availableBit: UInt16 { 1 << 7 }
  private static var usedBit: UInt16 { 1 << 15 }
  private static var bothBits: UInt16 { availableBit | usedBit }

  /// `RING_EVENT_FLAGS_ENABLE`, `…_DISABLE` and `…_DESC`. § 2.8.10
  private static var enable: UInt32 { 0 }
  private static var disable: UInt32 { 1 }
  private static var atIndex: UInt32 { 2 }

  init(_ area: borrowing VirtqueueArea, usesEventIndex: Bool) {
    self.usesEventIndex = usesEventIndex
    size = UInt16(truncatingIfNeeded: area.layout.size)
    // SAFETY: the area has room for each part at these places, aligned to a line, and outlives the ring.
    unsafe ring = area.pointer(area.layout.descriptorAddress).assumingMemoryBound(to: Atomic<UInt64>.self)
    unsafe driverEvent = area.pointer(area.layout.driverAddress).assumingMemoryBound(to: Atomic<UInt32>.self)
    unsafe deviceEvent = area.pointer(area.layout.deviceAddress).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  // SAFETY, for all that follows: positions are below the size.

  /// § 2.8.19.1 Placing Available Buffers Into The Descriptor Ring. The id counts in a chain's last descriptor only; all
  /// get it.
  @inline(__always)
  mutating func write(address: UInt64, byteCount: UInt32, marks: UInt16, id: UInt16, next: UInt16, head: UInt16) {
    let position = nextAvailable
    let word = UInt64(byteCount) | UInt64(head) << 32 | UInt64(marks | turnBits) << 48
    unsafe ring[2 &* Int(position)].store(address, ordering: .relaxed)
    if unpublishedCount == 0 {
      firstWord = word
      firstPosition = position
    } else {
      // The device comes to this one over the first, which `publish` releases.
      unsafe ring[2 &* Int(position) &+ 1].store(word, ordering: .relaxed)
    }
    unpublishedCount &+= 1
    nextAvailable &+= 1
    if nextAvailable == size {
      nextAvailable = 0
      turnBits ^= Self.bothBits
    }
  }

  @inline(__always)
  mutating func endChain(head: UInt16) {}

  /// § 2.8.19.2 Driver Requirements: Notifying The Device; § 2.8.6: the first descriptor's flags come last.
  @inline(__always)
  mutating func publish() {
    guard unpublishedCount > 0 else { return }
    // Release; pairs with the acquire by which the device reads the flags: all descriptors behind it are there by then.
    unsafe ring[2 &* Int(firstPosition) &+ 1].store(firstWord, ordering: .releasing)
    unannouncedCount &+= Int(unpublishedCount)
    unpublishedCount = 0
  }

  /// § 2.8.22 Receiving Used Buffers From The Device
  @inline(__always)
  mutating func nextUsed(outstanding: Int) -> UsedElement {
    guard outstanding > 0 else { return .none }
    // Acquire; pairs with the release by which the device writes the flags. One load of length, id and flags: they
    // cannot change between a check and a use.
    let word = unsafe ring[2 &* Int(nextUsed) &+ 1].load(ordering: .acquiring)
    guard UInt16(truncatingIfNeeded: word >> 48) & Self.bothBits == usedMarks else { return .none }
    return .element(id: UInt32(word >> 32 & 0xFFFF), byteCount: UInt32(truncatingIfNeeded: word))
  }

  /// Four descriptors to a line. They are read, and written again when the next buffers are made available: so the lines are
  /// wanted for that at once.
  @inline(__always)
  mutating func prefetchUsed(_ count: Int) { prefetchLines(behind: Int(nextUsed), count) }

  /// The device has read their lines, and a store that waits for one of them holds up those behind it. The line that is written
  /// first is left alone: there a device that has nothing to do looks for more.
  @inline(__always)
  mutating func prefetchFree(_ count: Int) { prefetchLines(behind: Int(nextAvailable), count) }

  /// Asks for the lines of the next `count` descriptors, for writing, but for the one that begins with the first of them.
  @inline(__always)
  private func prefetchLines(behind first: Int, _ count: Int) {
    var ahead = 4
    while ahead <= count {
      let position = first &+ ahead
      unsafe cplatform_prefetch_write(ring + 2 &* (position >= Int(size) ? position &- Int(size) : position))
      ahead &+= 4
    }
  }

  @inline(__always)
  mutating func pass(chainCount: Int, descriptorCount: Int) {
    let position = Int(nextUsed) &+ descriptorCount
    if position >= Int(size) { usedMarks ^= Self.bothBits }
    nextUsed = UInt16(truncatingIfNeeded: position >= Int(size) ? position &- Int(size) : position)
  }

  @inline(__always)
  mutating func wantsKick() -> Bool {
    let count = unannouncedCount
    unannouncedCount = 0
    if count == 0 { return false }
    // One load of offset and flags. § 2.8.10
    let event = unsafe deviceEvent.pointee.load(ordering: .relaxed)
    let flags = event >> 16 & 3
    if flags == Self.disable { return false }
    guard flags == Self.atIndex, usesEventIndex else { return true }
    var offset = UInt16(truncatingIfNeeded: event & 0x7FFF)
    let isSameLap = (event & 0x8000 != 0) == (turnBits & Self.availableBit != 0)
    if !isSameLap { offset &-= size }
    return Self.passes(event: offset, count: count, new: nextAvailable)
  }

  mutating func enableCalls() {
    let position = UInt32(nextUsed) | (usedMarks == 0 ? 0 : 0x8000)
    let event = usesEventIndex ? position | Self.atIndex << 16 : Self.enable << 16
    unsafe driverEvent.pointee.store(event, ordering: .relaxed)
  }

  mutating func disableCalls() { unsafe driverEvent.pointee.store(Self.disable << 16, ordering: .relaxed) }
}
