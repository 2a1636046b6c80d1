internal import CPlatform
internal import Synchronization

/// A split virtqueue: a table of descriptors, a ring of what is available, a ring of what was used.
///
/// Source: [virtio 1.2 § 2.7 Split Virtqueues]. Indices run freely modulo 2¹⁶. Little-endian, as the processors are that
/// this is built for.
@safe
struct SplitRing: VirtqueueRing, @unchecked Sendable {
  static var isPacked: Bool { false }

  // Shared with the device. § 2.7.5, § 2.7.6, § 2.7.8
  /// Two words for each descriptor: address; length, marks, next.
  private let table: UnsafeMutablePointer<UInt64>
  private let availableFlags: UnsafeMutablePointer<Atomic<UInt16>>
  private let availableIndex: UnsafeMutablePointer<Atomic<UInt16>>
  private let availableEntries: UnsafeMutablePointer<Atomic<UInt16>>
  private let usedEvent: UnsafeMutablePointer<Atomic<UInt16>>
  private let usedFlags: UnsafeMutablePointer<Atomic<UInt16>>
  private let usedIndex: UnsafeMutablePointer<Atomic<UInt16>>
  private let usedEntries: UnsafeMutablePointer<Atomic<UInt64>>
  private let availableEvent: UnsafeMutablePointer<Atomic<UInt16>>

  // Private.
  /// What was last written to each available entry and each descriptor: what stays the same is not written again, so the
  /// device keeps its copy of the line. Where buffers go round in order, and as many as there are ids, all of it does.
  private let written: UnsafeMutablePointer<UInt16>
  private let described: UnsafeMutablePointer<UInt64>
  private let mask: UInt16
  private let usesEventIndex: Bool
  /// The next available entry to write; the index as the device will see it.
  private var nextAvailable: UInt16 = 0
  /// ``nextAvailable`` when it was last published.
  private var published: UInt16 = 0
  /// Chains published since the device was last asked whether it wants a notification. The index cannot say: it is the same
  /// again after 65,536.
  private var unannouncedCount = 0
  /// The next used entry to read.
  private var nextUsed: UInt16 = 0
  /// The device's index, when it was last fetched and found plausible.
  private var knownUsed: UInt16 = 0

  /// `VIRTQ_AVAIL_F_NO_INTERRUPT` and `VIRTQ_USED_F_NO_NOTIFY`. § 2.7.7, § 2.7.10
  private static var suppress: UInt16 { 1 }

  init(_ area: borrowing VirtqueueArea, usesEventIndex: Bool) {
    let size = area.layout.size
    self.usesEventIndex = usesEventIndex
    mask = UInt16(truncatingIfNeeded: size &- 1)
    // SAFETY: the area has room for each part at these places, aligned as its type wants, and outlives the ring.
    unsafe table = area.pointer(area.layout.descriptorAddress).assumingMemoryBound(to: UInt64.self)
    let driver = unsafe area.pointer(area.layout.driverAddress).assumingMemoryBound(to: Atomic<UInt16>.self)
    unsafe availableFlags = driver
    unsafe availableIndex = driver + 1
    unsafe availableEntries = driver + 2
    unsafe usedEvent = driver + 2 + size
    let device = unsafe area.pointer(area.layout.deviceAddress)
    unsafe usedFlags = device.assumingMemoryBound(to: Atomic<UInt16>.self)
    unsafe usedIndex = usedFlags + 1
    unsafe usedEntries = (device + 4).assumingMemoryBound(to: Atomic<UInt64>.self)
    unsafe availableEvent = (device + 4 + 8 * size).assumingMemoryBound(to: Atomic<UInt16>.self)
    // As the rings, all zeros. The wider words come first.
    unsafe described = area.notes.assumingMemoryBound(to: UInt64.self)
    unsafe written = UnsafeMutableRawPointer(described + 2 * size).assumingMemoryBound(to: UInt16.self)
  }

  // SAFETY, for all that follows: ids are below the size, and the mask keeps every index inside its ring.

  /// § 2.7.13.1 Placing Buffers Into The Descriptor Table
  @inline(__always)
  mutating func write(address: UInt64, byteCount: UInt32, marks: UInt16, id: UInt16, next: UInt16, head: UInt16) {
    let place = 2 &* Int(id)
    let word = UInt64(byteCount) | UInt64(marks) << 32 | UInt64(next) << 48
    if unsafe described[place] == address, unsafe described[place &+ 1] == word { return }
    unsafe described[place] = address
    unsafe described[place &+ 1] = word
    unsafe table[place] = address
    unsafe table[place &+ 1] = word
  }

  /// § 2.7.13.2 Updating The Available Ring
  @inline(__always)
  mutating func endChain(head: UInt16) {
    let index = Int(nextAvailable & mask)
    if unsafe written[index] != head {
      unsafe written[index] = head
      // Relaxed: `publish` releases it.
      unsafe availableEntries[index].store(head, ordering: .relaxed)
    }
    nextAvailable &+= 1
  }

  /// § 2.7.13.3 Updating idx
  @inline(__always)
  mutating func publish() {
    // Release; pairs with the acquire by which the device reads the index: descriptors and entries are there by then.
    unsafe availableIndex.pointee.store(nextAvailable, ordering: .releasing)
    // Exact: at most ``size`` chains are available at a time.
    unannouncedCount &+= Int(nextAvailable &- published)
    published = nextAvailable
  }

  /// § 2.7.14 Receiving Used Buffers From The Device
  @inline(__always)
  mutating func nextUsed(outstanding: Int) -> UsedElement {
    if nextUsed == knownUsed {
      // Acquire; pairs with the release by which the device writes the index: entries and bytes are there.
      let fetched = unsafe usedIndex.pointee.load(ordering: .acquiring)
      if fetched == nextUsed { return .none }
      guard Int(fetched &- nextUsed) <= outstanding else { return .indexJump }
      knownUsed = fetched
    }
    // One load of both fields: id in the low half, length in the high one. § 2.7.8
    let word = unsafe usedEntries[Int(nextUsed & mask)].load(ordering: .relaxed)
    return .element(id: UInt32(truncatingIfNeeded: word), byteCount: UInt32(truncatingIfNeeded: word >> 32))
  }

  /// Eight entries to a line. The driver only reads them.
  @inline(__always)
  mutating func prefetchUsed(_ count: Int) {
    let count = min(Int(knownUsed &- nextUsed), count)
    var ahead = 8
    while ahead <= count {
      unsafe cplatform_prefetch_read(usedEntries + Int((nextUsed &+ UInt16(truncatingIfNeeded: ahead)) & mask))
      ahead &+= 8
    }
  }

  /// What is written again and again stays the same.
  @inline(__always)
  mutating func prefetchFree(_ count: Int) {}

  @inline(__always)
  mutating func pass(chainCount: Int, descriptorCount: Int) {
    // No more than the device has published, whatever a batch claims.
    nextUsed &+= min(UInt16(truncatingIfNeeded: chainCount), knownUsed &- nextUsed)
  }

  /// § 2.7.13.4.1 Driver Requirements: Notifying The Device
  @inline(__always)
  mutating func wantsKick() -> Bool {
    let count = unannouncedCount
    unannouncedCount = 0
    if count == 0 { return false }
    if usesEventIndex {
      let event = unsafe availableEvent.pointee.load(ordering: .relaxed)
      return Self.passes(event: event, count: count, new: published)
    }
    return unsafe usedFlags.pointee.load(ordering: .relaxed) & Self.suppress == 0
  }

  /// § 2.7.7 Used Buffer Notification Suppression
  mutating func enableCalls() {
    if usesEventIndex {
      unsafe usedEvent.pointee.store(nextUsed, ordering: .relaxed)
    } else {
      unsafe availableFlags.pointee.store(0, ordering: .relaxed)
    }
  }

  mutating func disableCalls() {
    if usesEventIndex {
      // An index that the device has passed already, and reaches again after 65,536 buffers at the earliest.
      unsafe usedEvent.pointee.store(nextUsed &- 1, ordering: .relaxed)
    } else {
      unsafe availableFlags.pointee.store(Self.suppress, ordering: .relaxed)
    }
  }
}
