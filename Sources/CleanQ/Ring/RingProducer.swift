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
  @usableFromInline let headCursor: RingMemory.Cursor
  @usableFromInline let tailCursor: RingMemory.Cursor
  @usableFromInline let slotCount: UInt32
  @usableFromInline var head: UInt32 = 0
  @usableFromInline var cachedTail: UInt32 = 0

  init(_ memory: RingMemory) {
    self.memory = memory
    unsafe slots = memory.slots
    unsafe headCursor = memory.head
    unsafe tailCursor = memory.tail
    slotCount = memory.slotCount
  }

  /// Free slots: at least `wanted`, or as many as there are.
  @inlinable
  mutating func freeCount(wanted: UInt32) -> UInt32 {
    let free = slotCount &- (head &- cachedTail)
    if free >= wanted { return free }
    // Acquire; pairs with the release in `RingConsumer.publish`: the consumer has read the slots that it gives back.
    unsafe cachedTail = tailCursor.pointee.load(ordering: .acquiring)
    return slotCount &- (head &- cachedTail)
  }

  /// Writes the slot `index` places after those already published. The caller has asked ``freeCount(wanted:)``.
  @inlinable
  func write(_ descriptor: Descriptor, at index: UInt32) {
    // SAFETY: the mask keeps the slot inside the ring; the consumer reads it only after `publish`.
    unsafe slots[Int((head &+ index) & (slotCount &- 1))] = descriptor
  }

  /// Hands the next `count` written slots to the consumer.
  @inlinable
  mutating func publish(_ count: UInt32) {
    head = head &+ count
    // Release; pairs with the acquire in `RingConsumer.availableCount`: the slots are written before they are seen.
    unsafe headCursor.pointee.store(head, ordering: .releasing)
  }
}
