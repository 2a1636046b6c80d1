internal import CleanQ

/// One of the port's two queues: buffers in order, of which the first ones are done and the others wait for the kernel.
///
///      oldest                              newest
///     | done (received / sent) | waiting (empty / to be sent) |
///
/// A buffer never moves while the kernel works on it. Those that are left go home when the lane does.
/// Thread-confined; may be sent.
@safe
struct BufferLane: ~Copyable, @unchecked Sendable {
  private let slots: UnsafeMutablePointer<Buffer>
  private let mask: Int
  private var head = 0
  private(set) var doneCount = 0
  private(set) var waitingCount = 0

  /// - Precondition: the capacity is a power of two.
  init(capacity: Int) {
    precondition(capacity > 0 && capacity & (capacity - 1) == 0, "a lane's capacity is a power of two")
    unsafe slots = UnsafeMutablePointer<Buffer>.allocate(capacity: capacity)
    mask = capacity - 1
  }

  deinit {
    for index in 0..<(doneCount + waitingCount) {
      // SAFETY: this number of slots from the head on is initialised.
      unsafe slots.advanced(by: (head &+ index) & mask).move().release()
    }
    unsafe slots.deallocate()
  }

  /// How many more buffers fit.
  var room: Int { mask &+ 1 &- doneCount &- waitingCount }

  private func slot(_ index: Int) -> UnsafeMutablePointer<Buffer> {
    // SAFETY: the mask keeps the index inside the allocation.
    unsafe slots.advanced(by: (head &+ index) & mask)
  }

  /// Adds a buffer that waits.
  ///
  /// - Precondition: there is room.
  /// - Complexity: O(1).
  mutating func append(_ buffer: consuming Buffer) {
    precondition(room > 0, "the lane is full")
    // SAFETY: the slot behind the last one is not initialised.
    unsafe slot(doneCount &+ waitingCount).initialize(to: buffer)
    waitingCount &+= 1
  }

  /// Moves the oldest buffers that are done to the burst, as many as fit.
  ///
  /// - Complexity: O(number moved).
  mutating func takeDone(into burst: inout Burst) {
    let count = min(doneCount, burst.room)
    for index in 0..<count {
      // SAFETY: the slots of done buffers are initialised; this one is left behind the head.
      burst.append(unsafe slot(index).move())
    }
    head = (head &+ count) & mask
    doneCount &-= count
  }

  /// The buffer at `index` of those that wait, in place.
  subscript(waiting index: Int) -> Buffer {
    _read {
      precondition(index >= 0 && index < waitingCount, "no such buffer waits")
      // SAFETY: the slots of waiting buffers are initialised.
      yield unsafe slot(doneCount &+ index).pointee
    }
    _modify {
      precondition(index >= 0 && index < waitingCount, "no such buffer waits")
      // SAFETY: as above, and the lane is accessed exclusively.
      yield unsafe &slot(doneCount &+ index).pointee
    }
  }

  /// Declares the first `count` waiting buffers done.
  mutating func finishFirst(_ count: Int) {
    precondition(count >= 0 && count <= waitingCount, "fewer buffers wait")
    doneCount &+= count
    waitingCount &-= count
  }

  /// Declares done what the kernel put into a waiting buffer. Those in front of it keep their turn: the bytes go into the first one
  /// that waits, behind its headroom, and the other is empty again. Where they do not fit, the buffer itself goes before the others, so
  /// that a short one holds nothing up.
  ///
  /// - Complexity: O(1) for the first; else O(number of bytes), or O(index) where they do not fit.
  mutating func finish(waiting index: Int) {
    precondition(index >= 0 && index < waitingCount, "no such buffer waits")
    if index > 0, !moveToFirst(from: index) {
      // SAFETY: moves between initialised slots, each left is filled again.
      let buffer = unsafe slot(doneCount &+ index).move()
      for position in stride(from: doneCount &+ index, to: doneCount, by: -1) {
        unsafe slot(position).initialize(to: slot(position &- 1).move())
      }
      unsafe slot(doneCount).initialize(to: buffer)
    }
    finishFirst(1)
  }

  /// - Returns: false, with nothing changed, where the bytes do not fit.
  private mutating func moveToFirst(from index: Int) -> Bool {
    // SAFETY: two initialised slots, and not the same; the lane owns both.
    let (first, other) = unsafe (slot(doneCount), slot(doneCount &+ index))
    guard unsafe first.pointee.fill(from: other.pointee.bytes, headroom: first.pointee.headroom) else { return false }
    return unsafe other.pointee.setValid(offset: other.pointee.headroom, byteCount: 0)
  }

  /// Adds what the lane holds to accounts.
  func add(to accounts: inout BufferAccounts) {
    for index in 0..<(doneCount + waitingCount) { unsafe accounts.addInFlight(slot(index).pointee) }
  }

  /// Bytes of the buffers that belong to one region.
  func byteCount(of region: RegionID) -> Int {
    var sum = 0
    for index in 0..<(doneCount + waitingCount) where unsafe slot(index).pointee.region == region {
      unsafe sum += slot(index).pointee.byteCount
    }
    return sum
  }
}
