internal import CleanQ

/// Buffers that wait, first in, first out, as many as there was room made for.
@safe
struct BufferStore: ~Copyable, @unchecked Sendable {
  private let slots: UnsafeMutablePointer<Buffer>
  private let capacity: Int
  private var head = 0
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe slots = .allocate(capacity: capacity)
  }

  deinit {
    // SAFETY: the `count` slots from the head on are initialised.
    for index in 0..<count { unsafe slot(index).move().release() }
    unsafe slots.deallocate()
  }

  // SAFETY: the remainder keeps the index inside the allocation.
  private func slot(_ index: Int) -> UnsafeMutablePointer<Buffer> { unsafe slots + (head + index) % capacity }

  var isEmpty: Bool { count == 0 }
  var room: Int { capacity - count }

  /// - Precondition: there is room.
  mutating func append(_ buffer: consuming Buffer) {
    precondition(count < capacity, "the store is full")
    // SAFETY: the slot behind the last one is not initialised.
    unsafe slot(count).initialize(to: buffer)
    count += 1
  }

  mutating func popFirst() -> Buffer? {
    guard count > 0 else { return nil }
    // SAFETY: the first slot is initialised, and left behind the head.
    let buffer = unsafe slot(0).move()
    head = (head + 1) % capacity
    count -= 1
    return buffer
  }

  func add(to census: inout Census) {
    for index in 0..<count { unsafe census.inFlightByteCount += slot(index).pointee.byteCount }
    census.inFlightBufferCount += count
  }

  func byteCount(of region: RegionID) -> Int {
    var sum = 0
    for index in 0..<count where unsafe slot(index).pointee.region == region {
      unsafe sum += slot(index).pointee.byteCount
    }
    return sum
  }
}
