/// A port on top of another one. Whatever a layer does not do itself goes to the port below: a layer that only counts
/// implements two methods, and one that implements nothing is a pass-through that costs nothing.
public protocol StackedPort: Port, ~Copyable {
  associatedtype Lower: Port & ~Copyable

  var lower: Lower { get set }
}

extension StackedPort where Self: ~Copyable {
  public mutating func register(_ region: borrowing Region) throws(QueueError) { try lower.register(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) { try lower.deregister(region) }

  @inlinable
  @discardableResult
  public mutating func fill(_ empties: inout Burst) -> Refusal? { lower.fill(&empties) }

  @inlinable
  public mutating func receive(into filled: inout Burst) { lower.receive(into: &filled) }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? { lower.transmit(&filled) }

  @inlinable
  public mutating func complete(into sent: inout Burst) { lower.complete(into: &sent) }

  @inlinable
  public mutating func notify() { lower.notify() }

  public mutating func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    try lower.control(request)
  }

  @inlinable
  public mutating func advance(to now: MonotonicTime) -> MonotonicTime { lower.advance(to: now) }

  public mutating func arm() -> Bool { lower.arm() }

  public mutating func disarm() { lower.disarm() }

  public func addWakeFileDescriptors(to list: inout [Int32]) { lower.addWakeFileDescriptors(to: &list) }

  public mutating func quiesce() { lower.quiesce() }

  public var isExhausted: Bool { lower.isExhausted }

  public var wantedBufferCount: Int { lower.wantedBufferCount }

  public var wantedBufferByteCount: Int { lower.wantedBufferByteCount }

  public func census() -> Census { lower.census() }

  public func report(into reports: inout [StageReport]) { lower.report(into: &reports) }
}
