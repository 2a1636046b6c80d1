internal import CleanQ

/// One of the port's two queues: buffers in order, of which the first ones are done and the others wait for the kernel.
///
///      oldest                              newest
///     | done (received / sent) | waiting (empty / to be sent) |
///
/// A buffer never moves while the kernel works on it. Thread-confined; may be sent.
struct BufferLane: ~Copyable, Sendable {
  private(set) var store: BufferStore
  private(set) var doneCount = 0

  init(capacity: Int) { store = BufferStore(capacity: capacity) }

  var waitingCount: Int { store.count &- doneCount }

  /// How many more buffers fit.
  var room: Int { store.room }

  /// Adds a buffer that waits.
  ///
  /// - Precondition: there is room.
  mutating func append(_ buffer: consuming Buffer) { store.append(buffer) }

  /// Moves the oldest buffers that are done to the burst, as many as fit.
  ///
  /// - Complexity: O(number moved).
  mutating func takeDone(into burst: inout Burst) {
    while doneCount > 0, burst.room > 0, let buffer = store.popFirst() {
      burst.append(buffer)
      doneCount &-= 1
    }
  }

  /// The buffer at `index` of those that wait, in place.
  subscript(waiting index: Int) -> Buffer {
    _read {
      precondition(index >= 0, "no such buffer waits")
      yield store[doneCount &+ index]
    }
    _modify {
      precondition(index >= 0, "no such buffer waits")
      yield &store[doneCount &+ index]
    }
  }

  /// Declares the first `count` waiting buffers done.
  mutating func finishFirst(_ count: Int) {
    precondition(count >= 0 && count <= waitingCount, "fewer buffers wait")
    doneCount &+= count
  }

  /// Declares done what the kernel put into a waiting buffer. Those in front of it keep their turn: the bytes go into the first one
  /// that waits, behind its headroom, and the other is empty again. Where they do not fit, the buffer itself goes before the others, so
  /// that a short one holds nothing up.
  ///
  /// - Complexity: O(1) for the first; else O(number of bytes), or O(index) where they do not fit.
  mutating func finish(waiting index: Int) {
    precondition(index >= 0 && index < waitingCount, "no such buffer waits")
    if index > 0, !moveToFirst(from: index) { store.move(doneCount &+ index, forwardTo: doneCount) }
    finishFirst(1)
  }

  /// - Returns: false, with nothing changed, where the bytes do not fit.
  private mutating func moveToFirst(from index: Int) -> Bool {
    store.withTwo(doneCount, doneCount &+ index) { first, other in
      guard first.fill(from: other.bytes, headroom: first.headroom) else { return false }
      return other.setValid(offset: other.headroom, byteCount: 0)
    }
  }
}
