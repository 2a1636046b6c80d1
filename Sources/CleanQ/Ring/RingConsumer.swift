public import Synchronization

/// The reading end of one direction of a ring; the mirror image of ``RingProducer``.
@safe
@frozen
@usableFromInline
struct RingConsumer: ~Copyable, @unchecked Sendable {
  @usableFromInline let memory: RingMemory
  @usableFromInline let slots: UnsafeMutablePointer<Descriptor>
  /// The number of slots less one.
  @usableFromInline let mask: UInt32
  @usableFromInline var tail: UInt32
  @usableFromInline var cachedHead: UInt32

  init(_ memory: RingMemory) {
    self.memory = memory
    unsafe slots = memory.slots
    mask = memory.slotCount - 1
    // Zero in a new ring; where an end was left, when the channel brings the rest home.
    unsafe tail = memory.tail.pointee.load(ordering: .acquiring)
    cachedHead = tail
  }

  /// Buffers to read: at least `wanted`, or as many as there are.
  @inlinable
  mutating func availableCount(wanted: UInt32) -> UInt32 {
    let available = cachedHead &- tail
    if available >= wanted { return available }
    // Acquire; pairs with the release in `RingProducer.publish`: the slots were written before the cursor moved.
    unsafe cachedHead = RingMemory.head(of: slots).pointee.load(ordering: .acquiring)
    return cachedHead &- tail
  }

  /// Reads the slot `index` places after the oldest. The caller has asked ``availableCount(wanted:)``.
  @inlinable
  func read(at index: UInt32) -> Descriptor {
    // SAFETY: the mask keeps the slot inside the ring; the producer does not write it before `publish`.
    unsafe slots[Int((tail &+ index) & mask)]
  }

  /// The contiguous slots from that one on.
  @inlinable
  func contiguousSpan(from index: UInt32) -> (start: UnsafeMutablePointer<Descriptor>, count: Int) {
    let slot = Int((tail &+ index) & mask)
    return unsafe (slots + slot, Int(mask) &+ 1 &- slot)
  }

  /// Gives the oldest `count` slots back to the producer.
  @inlinable
  mutating func publish(_ count: UInt32) {
    tail = tail &+ count
    // Release; pairs with the acquire in `RingProducer.freeCount`: the slots are read before they are written again.
    unsafe RingMemory.tail(of: slots).pointee.store(tail, ordering: .releasing)
  }

  /// Takes the oldest descriptor, or nil.
  @inlinable
  mutating func next() -> Descriptor? {
    guard availableCount(wanted: 1) > 0 else { return nil }
    let descriptor = read(at: 0)
    publish(1)
    return descriptor
  }
}
