public import CleanQ

/// One of a port's two queues, taken exactly one buffer at a time where one is asked for: a port gives bursts, and what its
/// user did not want yet would no longer be where the suite believes it to be. All other places of the burst are occupied.
public struct PortSubject<P: Port & ~Copyable>: SleepingQueue, ~Copyable {
  public var port: PortQueue<P>
  private var fillers = Hand.fillers()

  public init(_ side: PortSide, of port: consuming P) { self.port = PortQueue(side, of: port) }

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try port.register(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) { try port.deregister(region) }

  public mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? { port.enqueue(buffer) }

  public mutating func enqueue(_ burst: inout Burst) -> Refusal? { port.enqueue(&burst) }

  public mutating func dequeue() -> Buffer? {
    var burst = fillers.burst(occupied: Burst.capacity - 1)
    port.dequeue(into: &burst)
    fillers.takeBack(Burst.capacity - 1, from: &burst)
    return burst.popFirst()
  }

  public mutating func dequeue(into burst: inout Burst) { port.dequeue(into: &burst) }

  public mutating func notify() { port.notify() }

  public mutating func control(_ request: ControlRequest) throws(QueueError) { try port.control(request) }

  public func accounts() -> BufferAccounts { port.accounts() }

  public mutating func arm() -> Bool { port.port.arm() }

  public mutating func disarm() { port.port.disarm() }

  public var wakeFileDescriptors: [Int32] { port.port.capabilities.wakeFileDescriptors }
}

extension Hand {
  /// Buffers that only occupy places in bursts.
  static func fillers() -> Hand {
    var hand = Hand()
    guard let region = try? Region(byteCount: 4096) else { return hand }
    for _ in 0..<Burst.capacity { if let buffer = region.buffer(byteCount: 1) { hand.append(buffer) } }
    return hand
  }

  /// A burst in which this number of places is taken.
  mutating func burst(occupied: Int) -> Burst {
    var burst = Burst()
    while burst.count < occupied, let filler = popFirst() { burst.append(filler) }
    return burst
  }

  mutating func takeBack(_ count: Int, from burst: inout Burst) {
    for _ in 0..<count { if let filler = burst.popFirst() { append(filler) } }
  }
}
