/// Which queue of a port is meant.
@frozen
public enum PortSide: Sendable {
  case receive
  case transmit
}

/// One of a port's two queues, as a ``Queue``: the receive queue takes empty buffers and gives filled ones, the transmit
/// queue takes filled buffers and gives them back when they are sent.
///
/// For code that works on any queue. It owns the port; ``port`` gives access to the other side.
@frozen
public struct PortQueue<P: Port & ~Copyable>: Queue, ~Copyable {
  public var port: P
  @usableFromInline let side: PortSide
  /// Holds the one buffer of a single enqueue.
  @usableFromInline var single = Burst()
  /// What the port gave and nobody took yet.
  @usableFromInline var arrived = Burst()

  @inlinable
  public init(_ side: PortSide, of port: consuming P) {
    self.side = side
    self.port = port
  }

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try port.register(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try QueueError.requireNone(
      elsewhereByteCount: arrived.byteCount(of: region.id))
    try port.deregister(region)
  }

  @inlinable
  public mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    single.append(buffer)
    let refusal = side == .receive ? port.fill(&single) : port.transmit(&single)
    guard let refusal, let back = single.popFirst() else { return nil }
    return Refused(back, refusal)
  }

  @inlinable
  public mutating func enqueue(_ burst: inout Burst) -> Refusal? {
    side == .receive ? port.fill(&burst) : port.transmit(&burst)
  }

  @inlinable
  public mutating func dequeue() -> Buffer? {
    if arrived.isEmpty {
      if side == .receive { port.receive(into: &arrived) } else { port.complete(into: &arrived) }
    }
    return arrived.popFirst()
  }

  @inlinable
  public mutating func dequeue(into burst: inout Burst) {
    if !arrived.isEmpty { burst.append(contentsOf: &arrived) }
    if side == .receive { port.receive(into: &burst) } else { port.complete(into: &burst) }
  }

  @inlinable
  public mutating func notify() { port.notify() }

  public mutating func control(_ request: ControlRequest) throws(QueueError) { try port.control(request) }

  public func accounts() -> BufferAccounts {
    var accounts = port.accounts()
    accounts.addInFlight(arrived)
    return accounts
  }
}
