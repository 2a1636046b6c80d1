/// A queue between two sides that carries buffers, and with each buffer the exclusive right to access it.
///
/// What one side enqueues the other dequeues, first in, first out, in either direction. This is the whole interface of a
/// ring to another thread, of a device's receive ring, of a stack of protocol layers.
///
/// The four sets: a byte of a registered region is owned by one side or by the other, or is in flight to one of them.
/// Enqueue moves from owned to in flight, dequeue from in flight to owned, and nothing else moves anything.
///
/// Thread-confined: one thread at a time uses a queue. The other side may be used by another thread.
public protocol Queue: ~Copyable {
  /// Makes a region's buffers acceptable, on both sides, from the moment the call returns.
  ///
  /// A queue on queues does its own part first and registers below last: what is refused there it can undo, and no id is
  /// retired by it.
  ///
  /// - Throws: `alreadyRegistered`, `retired`, or what a lower layer says; nothing has changed then, on any layer.
  mutating func register(_ region: borrowing Region) throws(QueueError)

  /// Ends what ``register(_:)`` began. The region's id is dead for this queue: it is not registered here again.
  ///
  /// - Throws: `elsewhere` where bytes of the region are in flight or with the other side, `notRegistered`, `notOwner`.
  mutating func deregister(_ region: borrowing Region) throws(QueueError)

  /// Enqueues one buffer.
  ///
  /// - Returns: nil when it is done; else the buffer, with the reason.
  /// - Complexity: O(1).
  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>?

  /// Enqueues buffers from the front of a burst, whole chains only. What was not taken is still in the burst.
  ///
  /// - Returns: nil where all were taken, else why the first that is left was not.
  /// - Complexity: O(number of buffers).
  mutating func enqueue(_ burst: inout Burst) -> Refusal?

  /// Takes the oldest buffer that the other side enqueued, or nil.
  ///
  /// - Complexity: O(1).
  mutating func dequeue() -> Buffer?

  /// Takes as many buffers as are there and as the burst has room for, and appends them to it.
  ///
  /// - Complexity: O(number of buffers).
  mutating func dequeue(into burst: inout Burst)

  /// A hint that what was enqueued before should be looked at: the doorbell of a device, the wake-up of a sleeper.
  mutating func notify()

  /// A setting, for each layer that it concerns.
  ///
  /// - Throws: `unsupported` where it concerns none.
  mutating func control(_ request: ControlRequest) throws(QueueError)

  /// Where every registered byte is.
  func accounts() -> BufferAccounts

  /// Closes this side. Buffers in flight return to their regions when the other side closes too.
  ///
  /// - Returns: the accounts at that moment.
  consuming func destroy() -> BufferAccounts
}

extension Queue where Self: ~Copyable {
  public mutating func control(_ request: ControlRequest) throws(QueueError) { throw QueueError(.unsupported) }

  public consuming func destroy() -> BufferAccounts { accounts() }
}
