/// Why a queue did not take a buffer. The buffer is still the caller's.
@frozen
public enum Refusal: UInt8, Error, Equatable, Sendable, CaseIterable {
  /// No slot is free; dequeue, or try later.
  case full
  /// The buffer's region is not registered with this queue.
  case unknownRegion
  /// The last buffers form a run whose end is not there, or a run that is longer than the queue.
  case incompleteChain
  /// The other side has gone, or this queue is closed.
  case closed
}
