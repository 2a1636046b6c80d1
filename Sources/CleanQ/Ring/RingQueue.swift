/// One end of a single-producer single-consumer ring in each direction: the queue between two threads.
///
/// `RingQueue.pair` makes both ends. Each end is thread-confined and may be sent to the thread that uses it. Capacity: all
/// slots of each direction.
@frozen
public struct RingQueue: Queue, ~Copyable, Sendable {
  @usableFromInline let channel: RingChannel
  @usableFromInline let end: RingEnd
  @usableFromInline var link: RingLink
  /// Wakes this end, and the other.
  @usableFromInline let ownBell: Doorbell
  @usableFromInline let peerBell: Doorbell

  /// The two ends of a new ring queue.
  @frozen
  public struct Pair: ~Copyable, Sendable {
    public var first: RingQueue
    public var second: RingQueue
  }

  /// Makes a ring queue.
  ///
  /// - Parameter slotCount: how many buffers fit in each direction, a power of two, 2 ... 2³⁰.
  /// - Throws: `refused` where the process has no file descriptors left.
  public static func pair(slotCount: Int) throws(QueueError) -> Pair {
    precondition(
      slotCount >= 2 && slotCount <= 1 << 30 && slotCount & (slotCount - 1) == 0,
      "a ring has a power of two of slots, 2 to 2^30")
    let channel = try RingChannel(slotCount: slotCount, laneCount: 2)
    return Pair(first: RingQueue(channel, .first), second: RingQueue(channel, .second))
  }

  init(_ channel: RingChannel, _ end: RingEnd) {
    self.channel = channel
    self.end = end
    link = RingLink(channel, end: end, lane: 0)
    ownBell = channel.bell(of: end)
    peerBell = channel.bell(of: end.other)
  }

  deinit { channel.close() }

  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    try channel.register(region, by: end)
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try channel.deregister(region.id, by: end)
  }

  @inlinable
  @inline(__always)
  public mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? { link.enqueue(buffer) }

  @inlinable
  public mutating func enqueue(_ burst: inout Burst) -> Refusal? { link.enqueue(&burst) }

  @inlinable
  @inline(__always)
  public mutating func dequeue() -> Buffer? { link.dequeue() }

  @inlinable
  public mutating func dequeue(into burst: inout Burst) { link.dequeue(into: &burst) }

  /// Wakes the other end where it sleeps.
  ///
  /// - Complexity: nothing where nothing was enqueued since the last call; else a fence and a load.
  @inlinable
  public mutating func notify() {
    if link.producer.announce() { peerBell.ring() }
  }

  public func accounts() -> BufferAccounts { channel.accounts(of: end) }
}

extension RingQueue {
  /// Asks to be woken when the other end notifies or goes.
  ///
  /// - Returns: false where something has arrived already, or the other end has gone, so that sleeping would be wrong.
  public mutating func arm() -> Bool {
    ownBell.arm()
    return !link.hasArrivals() && !link.isClosed
  }

  /// Ends what ``arm()`` began.
  public mutating func disarm() { ownBell.disarm() }

  /// Becomes readable when the other end notifies or goes after ``arm()``. Owned by the queue.
  public var wakeFileDescriptor: Int32 { ownBell.file }
}
