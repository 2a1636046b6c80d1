internal import CleanQ

/// A first-in, first-out store of buffers: what a burst is, for more of them. Made once; never allocates after.
@safe
struct BufferStore: ~Copyable {
  /// A power of two.
  static let capacity = 256

  private let slots: UnsafeMutablePointer<Buffer>
  private var head = 0
  private(set) var count = 0

  init() { unsafe slots = UnsafeMutablePointer<Buffer>.allocate(capacity: Self.capacity) }

  deinit {
    for index in 0..<count {
      // SAFETY: slots [head, head + count) are initialised, the others are not.
      _ = unsafe slots.advanced(by: (head &+ index) & (Self.capacity - 1)).move()
    }
    unsafe slots.deallocate()
  }

  var isEmpty: Bool { count == 0 }
  var room: Int { Self.capacity &- count }

  private func slot(_ index: Int) -> UnsafeMutablePointer<Buffer> {
    // SAFETY: the mask keeps the index inside the allocation.
    unsafe slots.advanced(by: (head &+ index) & (Self.capacity &- 1))
  }

  mutating func append(_ buffer: consuming Buffer) {
    precondition(room > 0, "the store is full")
    // SAFETY: the slot behind the last one is not initialised.
    unsafe slot(count).initialize(to: buffer)
    count &+= 1
  }

  /// Puts a buffer back that was just taken.
  mutating func pushFirst(_ buffer: consuming Buffer) {
    precondition(room > 0, "the store is full")
    head = (head &- 1) & (Self.capacity &- 1)
    // SAFETY: the slot before the first one is not initialised, for there is room.
    unsafe slot(0).initialize(to: buffer)
    count &+= 1
  }

  mutating func popFirst() -> Buffer? {
    guard count > 0 else { return nil }
    // SAFETY: the first slot is initialised; moving out of it leaves it for a later append.
    let buffer = unsafe slot(0).move()
    head = (head &+ 1) & (Self.capacity &- 1)
    count &-= 1
    return buffer
  }

  /// Takes every buffer of a burst that there is room for.
  mutating func append(contentsOf burst: inout Burst) {
    while room > 0, let buffer = burst.popFirst() { append(buffer) }
  }

  /// Gives as many buffers as are there and as a burst has room for.
  mutating func move(to burst: inout Burst) {
    while burst.room > 0, let buffer = popFirst() { burst.append(buffer) }
  }

  /// Bytes of the buffers that belong to one region.
  func byteCount(of region: RegionID) -> Int {
    var sum = 0
    for index in 0..<count {
      // SAFETY: slots [head, head + count) are initialised.
      if unsafe slot(index).pointee.region == region { unsafe sum += slot(index).pointee.byteCount }
    }
    return sum
  }

  /// Counts what is held as in flight.
  func add(to census: inout Census) {
    for index in 0..<count {
      // SAFETY: slots [head, head + count) are initialised.
      census.inFlightByteCount += unsafe slot(index).pointee.byteCount
    }
    census.inFlightBufferCount += count
  }
}
