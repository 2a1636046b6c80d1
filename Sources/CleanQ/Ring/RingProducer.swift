public import Synchronization

/// The writing end of one direction of a ring.
///
/// It keeps its own copy of its cursor and of the last value it saw of the consumer's, so that the consumer's cache line
/// is fetched once per lap and not once per buffer.
@safe
@frozen
@usableFromInline
struct RingProducer: ~Copyable, @unchecked Sendable {
  @usableFromInline let memory: RingMemory
  @usableFromInline let slots: UnsafeMutablePointer<Descriptor>
  /// The number of slots less one.
  @usableFromInline let mask: UInt32
  @usableFromInline var head: UInt32 = 0
  @usableFromInline var cachedTail: UInt32 = 0
  /// Up to where the consumer has been told of what was enqueued.
  @usableFromInline var announcedHead: UInt32 = 0

  init(_ memory: RingMemory) {
    self.memory = memory
    unsafe slots = memory.slots
    mask = memory.slotCount - 1
  }

  @inlinable
  var slotCount: UInt32 { mask &+ 1 }

  /// Free slots: at least `wanted`, or as many as there are.
  @inlinable
  @inline(__always)
  mutating func freeCount(wanted: UInt32) -> UInt32 {
    let free = slotCount &- (head &- cachedTail)
    return free >= wanted ? free : freeCountNow()
  }

  /// Whether there is a free slot: ``freeCount(wanted:)`` in fewer steps.
  @inlinable
  @inline(__always)
  mutating func hasRoom() -> Bool { _fastPath(head &- cachedTail <= mask) || freeCountNow() > 0 }

  /// Looks at the consumer's cursor.
  @inlinable
  @inline(__always)
  mutating func freeCountNow() -> UInt32 {
    // Acquire; pairs with the release in `RingConsumer.publish`: the consumer has read the slots that it gives back.
    unsafe cachedTail = RingMemory.tail(of: slots).pointee.load(ordering: .acquiring)
    // It comes here within `slotCount` buffers, 2³⁰ at most, so that the two stay apart where nobody announces anything.
    if head &- announcedHead > 1 << 31 { announcedHead = head &- 1 << 31 }
    return slotCount &- (head &- cachedTail)
  }

  /// Writes the slot `index` places after those already published. The caller has asked ``freeCount(wanted:)``.
  @inlinable
  func write(_ descriptor: Descriptor, at index: UInt32) {
    // SAFETY: the mask keeps the slot inside the ring; the consumer reads it only after `publish`.
    unsafe descriptor.store(to: slots + Int((head &+ index) & mask))
  }

  /// The contiguous slots from that one on.
  @inlinable
  func contiguousSpan(from index: UInt32) -> (start: UnsafeMutablePointer<Descriptor>, count: Int) {
    let slot = Int((head &+ index) & mask)
    return unsafe (slots + slot, Int(mask) &+ 1 &- slot)
  }

  /// Hands the next `count` written slots to the consumer.
  @inlinable
  mutating func publish(_ count: UInt32) {
    head = head &+ count
    // Release; pairs with the acquire in `RingConsumer.availableCount`: the slots are written before they are seen.
    unsafe RingMemory.head(of: slots).pointee.store(head, ordering: .releasing)
  }

  /// Whether something was published since the last call.
  @inlinable
  mutating func announce() -> Bool {
    defer { announcedHead = head }
    return head != announcedHead
  }
}
