/// Up to 32 buffers in order: the unit in which they move between queues.
///
/// A first-in, first-out container that is made once and used again: appending and taking never allocates. Swapping two
/// bursts swaps two pointers. A burst owns its buffers; those still in it when it ends return to their regions.
///
/// Thread-confined; may be sent.
@safe
@frozen
public struct Burst: ~Copyable, @unchecked Sendable {
  /// The most buffers that one burst holds. A power of two.
  @inlinable
  public static var capacity: Int { 32 }

  @usableFromInline let slots: UnsafeMutablePointer<Buffer>
  @usableFromInline var head = 0
  @usableFromInline var used = 0

  public init() {
    unsafe slots = UnsafeMutablePointer<Buffer>.allocate(capacity: Self.capacity)
  }

  deinit {
    for index in 0..<count {
      // SAFETY: slots [head, head + count) are initialised, the others are not.
      _ = unsafe slots.advanced(by: (head &+ index) & (Self.capacity - 1)).move()
    }
    unsafe slots.deallocate()
  }

  /// How many buffers are in the burst.
  @inlinable
  public var count: Int { used }

  @inlinable
  public var isEmpty: Bool { used == 0 }

  /// How many more buffers fit.
  @inlinable
  public var room: Int { Self.capacity &- count }

  @inlinable
  func slot(_ index: Int) -> UnsafeMutablePointer<Buffer> {
    unsafe slots.advanced(by: (head &+ index) & (Self.capacity &- 1))
  }

  /// Adds a buffer at the end. A full burst is the caller's mistake: ask ``room`` first.
  ///
  /// - Complexity: O(1).
  @inlinable
  public mutating func append(_ buffer: consuming Buffer) {
    precondition(count < Self.capacity, "the burst is full")
    // SAFETY: the slot behind the last one is inside the allocation and not initialised.
    unsafe slot(count).initialize(to: buffer)
    used &+= 1
  }

  /// Takes the oldest buffer, or nil from an empty burst.
  ///
  /// - Complexity: O(1).
  @inlinable
  public mutating func popFirst() -> Buffer? {
    guard count > 0 else { return nil }
    // SAFETY: the first slot is initialised; moving out of it leaves it for a later append.
    let buffer = unsafe slot(0).move()
    head = (head &+ 1) & (Self.capacity &- 1)
    used &-= 1
    return buffer
  }

  /// The buffer at `index`, counted from the oldest, in place.
  @inlinable
  public subscript(index: Int) -> Buffer {
    _read {
      precondition(index >= 0 && index < count, "there is no such buffer in the burst")
      // SAFETY: slots [head, head + count) are initialised.
      yield unsafe slot(index).pointee
    }
    _modify {
      precondition(index >= 0 && index < count, "there is no such buffer in the burst")
      // SAFETY: as above, and the burst is accessed exclusively.
      yield unsafe &slot(index).pointee
    }
  }

  /// The buffers from `index` on, up to `limit`, as far as they are adjacent: all of them, or else up to the end of the
  /// memory, and the next span has the rest. For loops over a burst: an index of the burst itself is wrapped and checked
  /// each time.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  @_lifetime(&self)
  public mutating func contiguousSpan(from index: Int, to limit: Int) -> MutableSpan<Buffer> {
    precondition(index >= 0 && index <= limit && limit <= count, "there are no such buffers in the burst")
    let position = (head &+ index) & (Self.capacity &- 1)
    let stretch = min(limit &- index, Self.capacity &- position)
    // SAFETY: slots [head, head + count) are initialised, and the burst is accessed exclusively while the view lives.
    let span = unsafe MutableSpan(_unsafeStart: slots.advanced(by: position), count: stretch)
    return unsafe _overrideLifetime(span, mutating: &self)
  }

  /// Moves buffers from the front of `other` to the end of this burst until one is empty or the other full.
  ///
  /// - Complexity: O(1) into an empty burst, else O(number moved).
  @inlinable
  public mutating func append(contentsOf other: inout Burst) {
    if isEmpty {
      swap(&self, &other)
      return
    }
    while room > 0, let buffer = other.popFirst() { append(buffer) }
  }

  /// Returns every buffer to its region.
  public mutating func releaseAll() {
    while let buffer = popFirst() { buffer.release() }
  }
}

extension Burst {
  /// The places of buffers from the `index`-th on that are contiguous, and how many places those are.
  @inlinable
  func places(from index: Int) -> (start: UnsafeMutablePointer<Buffer>, count: Int) {
    let position = (head &+ index) & (Self.capacity &- 1)
    return unsafe (slots + position, Self.capacity &- position)
  }

  /// The same of places behind the last buffer, where ``adopt(_:)`` finds what is put: appending without counting one by one,
  /// which would send the count through memory for each.
  @inlinable
  func freePlaces(from index: Int) -> (start: UnsafeMutablePointer<Buffer>, count: Int) {
    unsafe places(from: used &+ index)
  }

  /// Counts the `count` buffers that were put there.
  @inlinable
  mutating func adopt(_ count: Int) { used &+= count }

  /// Drops the first `count` buffers without returning them: their bytes have a new owner.
  @inlinable
  mutating func forgetFirst(_ count: Int) {
    head = (head &+ count) & (Self.capacity &- 1)
    used &-= count
  }
}

extension Burst {
  /// How many buffers the first packet has; nil where its last one is not here. A burst that is full has no room for it.
  ///
  /// - Complexity: O(number of buffers of the packet).
  @inlinable
  public var packetBufferCount: Int? {
    for index in 0..<count where self[index].flags.contains(.last) { return index &+ 1 }
    return room == 0 ? count : nil
  }

  /// Whether one of the buffers carries one of the marks.
  ///
  /// - Complexity: O(number of buffers).
  @inlinable
  public func contains(_ marks: BufferFlags) -> Bool {
    var found = BufferFlags()
    var seen = 0
    while seen < count {
      let (start, run) = unsafe places(from: seen)
      // SAFETY: buffers up to `count` are initialised, and those of a span are adjacent.
      for place in 0..<min(run, count &- seen) { unsafe found.formUnion(start[place].flags) }
      seen &+= run
    }
    return !found.isDisjoint(with: marks)
  }

  /// Bytes in the valid parts of the buffers from the `start`-th on.
  ///
  /// - Complexity: O(number of buffers).
  @inlinable
  public func validByteCount(from start: Int) -> Int {
    var sum = 0
    var left = max(0, count &- max(0, start))
    var position = (head &+ max(0, start)) & (Self.capacity &- 1)
    // At most two contiguous spans: up to the end of the allocation, and from its start.
    while left > 0 {
      let stretch = min(left, Self.capacity &- position)
      // SAFETY: slots [head, head + count) are initialised.
      for index in 0..<stretch { unsafe sum &+= slots[position &+ index].validByteCount }
      left &-= stretch
      position = 0
    }
    return sum
  }

  /// Moves the buffers whose bits are set (bit 0 is the oldest) to the end of `other`, which must have room for them. Both
  /// keep their order.
  ///
  /// - Complexity: O(1) where no bit is set, else O(number of buffers).
  @inlinable
  public mutating func move(_ selection: UInt32, to other: inout Burst) {
    guard selection != 0 else { return }
    for index in 0..<count {
      guard let buffer = popFirst() else { return }
      if selection & (1 << UInt32(truncatingIfNeeded: index)) != 0 { other.append(buffer) } else { append(buffer) }
    }
  }
}
