/// A queue whose other side hands everything back at once: what is enqueued can be dequeued, in order.
///
/// Holds at most one burst. The smallest thing that honours the contract; tests and measurements stand on it.
@frozen
public struct LoopbackQueue: Queue, ~Copyable, Sendable {
  @usableFromInline var table = RegionTable()
  @usableFromInline var inFlight = Burst()

  public init() {}

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try QueueError.requireNone(
      elsewhereByteCount: inFlight.byteCount(of: region.id))
    try table.remove(region.id)
  }

  @inlinable
  public mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard table.contains(buffer.region) else { return Refused(buffer, .unknownRegion) }
    guard inFlight.room > 0 else { return Refused(buffer, .full) }
    guard buffer.flags.contains(.last) else { return Refused(buffer, .incompleteChain) }
    inFlight.append(buffer)
    return nil
  }

  @inlinable
  public mutating func enqueue(_ burst: inout Burst) -> Refusal? { table.move(&burst, to: &inFlight) }

  @inlinable
  public mutating func dequeue() -> Buffer? { inFlight.popFirst() }

  @inlinable
  public mutating func dequeue(into burst: inout Burst) { burst.append(contentsOf: &inFlight) }

  @inlinable
  public mutating func notify() {}

  public func accounts() -> BufferAccounts {
    var accounts = BufferAccounts()
    accounts.registeredByteCount = table.byteCount
    accounts.addInFlight(inFlight)
    return accounts
  }
}
