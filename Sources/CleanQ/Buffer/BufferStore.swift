/// Buffers that wait, first in, first out: what a burst is, for more of them. Made once; never allocates after.
///
/// For stages that hold buffers between two calls. It owns them; those still in it when it ends return to their regions.
///
/// Thread-confined; may be sent.
@safe
@frozen
public struct BufferStore: ~Copyable, @unchecked Sendable {
  /// The most buffers that it holds.
  public let capacity: Int

  @usableFromInline let slots: UnsafeMutablePointer<Buffer>
  /// The number of slots, a power of two and no less than the capacity, less one.
  @usableFromInline let mask: Int
  @usableFromInline var head = 0
  @usableFromInline var used = 0

  /// - Precondition: the capacity is at least 1.
  public init(capacity: Int) {
    precondition(capacity > 0, "a store has room for a buffer at least")
    self.capacity = capacity
    mask = 1 << (Int.bitWidth - (capacity - 1).leadingZeroBitCount) - 1
    unsafe slots = .allocate(capacity: mask + 1)
  }

  deinit {
    // SAFETY: slots [head, head + count) are initialised, the others are not.
    for index in 0..<count { unsafe slot(index).move().release() }
    unsafe slots.deallocate()
  }

  @inlinable
  func slot(_ index: Int) -> UnsafeMutablePointer<Buffer> {
    // SAFETY: the mask keeps the index inside the allocation.
    unsafe slots + ((head &+ index) & mask)
  }

  /// How many buffers it holds.
  @inlinable
  public var count: Int { used }

  @inlinable
  public var isEmpty: Bool { used == 0 }

  /// How many more buffers fit.
  @inlinable
  public var room: Int { capacity &- count }

  /// Adds a buffer at the end.
  ///
  /// - Precondition: there is room.
  /// - Complexity: O(1).
  @inlinable
  public mutating func append(_ buffer: consuming Buffer) {
    precondition(room > 0, "the store is full")
    // SAFETY: the slot behind the last one is not initialised.
    unsafe slot(count).initialize(to: buffer)
    used &+= 1
  }

  /// Puts a buffer back in front that was just taken.
  ///
  /// - Precondition: there is room.
  /// - Complexity: O(1).
  @inlinable
  public mutating func pushFirst(_ buffer: consuming Buffer) {
    precondition(room > 0, "the store is full")
    head = (head &- 1) & mask
    // SAFETY: the slot before the first one is not initialised, for there is room.
    unsafe slot(0).initialize(to: buffer)
    used &+= 1
  }

  /// Takes the oldest buffer, or nil where there is none.
  ///
  /// - Complexity: O(1).
  @inlinable
  public mutating func popFirst() -> Buffer? {
    guard count > 0 else { return nil }
    // SAFETY: the first slot is initialised; moving out of it leaves it for a later append.
    let buffer = unsafe slot(0).move()
    head = (head &+ 1) & mask
    used &-= 1
    return buffer
  }

  /// The buffer at `index`, from the oldest on, in place.
  @inlinable
  public subscript(index: Int) -> Buffer {
    _read {
      precondition(index >= 0 && index < count, "there is no such buffer")
      // SAFETY: the first `count` slots are initialised.
      yield unsafe slot(index).pointee
    }
    _modify {
      precondition(index >= 0 && index < count, "there is no such buffer")
      // SAFETY: as above, and the store is accessed exclusively.
      yield unsafe &slot(index).pointee
    }
  }

  /// Moves a buffer forward; those that it passes move back by one.
  ///
  /// - Complexity: O(`index` - `place`).
  public mutating func move(_ index: Int, forwardTo place: Int) {
    precondition(place >= 0 && place <= index && index < count, "there is no such buffer, or it does not move forward")
    guard place < index else { return }
    // SAFETY: moves between initialised slots; each that is left is filled again.
    let buffer = unsafe slot(index).move()
    for position in stride(from: index, to: place, by: -1) {
      unsafe slot(position).initialize(to: slot(position &- 1).move())
    }
    unsafe slot(place).initialize(to: buffer)
  }

  /// Gives access to two buffers at once.
  public mutating func withTwo<Answer>(
    _ first: Int, _ second: Int, _ body: (inout Buffer, inout Buffer) -> Answer
  ) -> Answer {
    precondition(first != second && min(first, second) >= 0 && max(first, second) < count, "these are no two buffers")
    // SAFETY: two initialised slots, and not the same.
    return unsafe body(&slot(first).pointee, &slot(second).pointee)
  }

  /// Takes buffers from the front of a burst until it is empty or there is no room.
  @inlinable
  public mutating func append(contentsOf burst: inout Burst) {
    while room > 0, let buffer = burst.popFirst() { append(buffer) }
  }

  /// Gives a burst the oldest buffers, as many as it has room for.
  @inlinable
  public mutating func move(to burst: inout Burst) {
    while burst.room > 0, let buffer = popFirst() { burst.append(buffer) }
  }

  /// Bytes of the buffers that belong to one region.
  ///
  /// - Complexity: O(number of buffers).
  public func byteCount(of region: RegionID) -> Int {
    var sum = 0
    for index in 0..<count where unsafe slot(index).pointee.region == region {
      unsafe sum += slot(index).pointee.byteCount
    }
    return sum
  }

  /// Counts what it holds as in flight.
  ///
  /// - Complexity: O(number of buffers).
  public func add(to accounts: inout BufferAccounts) {
    for index in 0..<count { unsafe accounts.addInFlight(slot(index).pointee) }
  }
}
