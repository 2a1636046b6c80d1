public import Synchronization

/// The memory of one direction of a ring: two cursors and the slots between them.
///
/// The cursors run freely and wrap modulo 2³²; `head - tail` (modulo 2³²) is the number of buffers in the ring, so all
/// slots are of use. Slots [tail, head) are defined, no other slot is ever read. Each cursor has 128 bytes to itself: the
/// processor fetches cache lines in pairs, and the sides must not fetch each other's.
@safe
@usableFromInline
final class RingMemory: @unchecked Sendable {
  @usableFromInline typealias Cursor = UnsafeMutablePointer<Atomic<UInt32>>

  @usableFromInline let slotCount: UInt32
  /// How many buffers were ever enqueued; written by the producer only.
  @usableFromInline let head: Cursor
  /// How many buffers were ever dequeued; written by the consumer only.
  @usableFromInline let tail: Cursor
  @usableFromInline let slots: UnsafeMutablePointer<Descriptor>
  /// Set when either end has closed: what is enqueued from then on would have no taker.
  @usableFromInline let isClosed = Atomic<Bool>(false)
  /// Set by the producer, after the last buffer that it enqueues.
  let isEnded = Atomic<Bool>(false)
  private let allocation: UnsafeMutableRawPointer

  @inlinable
  static var cursorStride: Int { 128 }

  /// - Parameter slotCount: a power of two.
  init(slotCount: UInt32) {
    self.slotCount = slotCount
    let byteCount = 2 * Self.cursorStride + Int(slotCount) * MemoryLayout<Descriptor>.stride
    unsafe allocation = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: Self.cursorStride)
    // SAFETY: cursors and slots are contiguous in the allocation, each aligned to at least 32 bytes.
    unsafe head = allocation.bindMemory(to: Atomic<UInt32>.self, capacity: 1)
    unsafe head.initialize(to: Atomic(0))
    unsafe tail = (allocation + Self.cursorStride).bindMemory(to: Atomic<UInt32>.self, capacity: 1)
    unsafe tail.initialize(to: Atomic(0))
    unsafe slots = (allocation + 2 * Self.cursorStride).bindMemory(to: Descriptor.self, capacity: Int(slotCount))
    unsafe slots.initialize(repeating: Descriptor(region: .none, offset: 0, byteCount: 0), count: Int(slotCount))
  }

  deinit { unsafe allocation.deallocate() }

  /// Where the head is that belongs to these slots: one address suffices for both.
  @inlinable
  static func head(of slots: UnsafeMutablePointer<Descriptor>) -> Cursor {
    unsafe (UnsafeMutableRawPointer(slots) - 2 * cursorStride).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  @inlinable
  static func tail(of slots: UnsafeMutablePointer<Descriptor>) -> Cursor {
    unsafe (UnsafeMutableRawPointer(slots) - cursorStride).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// Buffers in the ring; exact while neither side moves.
  var count: Int {
    // Acquire on both, so that accounts by either side sees a pair of cursors that existed.
    let tail = unsafe tail.pointee.load(ordering: .acquiring)
    let head = unsafe head.pointee.load(ordering: .acquiring)
    return Int(head &- tail)
  }
}
