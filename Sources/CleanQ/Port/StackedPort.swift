/// A port on top of another one. Whatever a layer does not do itself goes to the port below: a layer that only counts
/// implements two methods, and one that implements nothing is a pass-through that costs nothing.
public protocol StackedPort: Port, ~Copyable {
  associatedtype Lower: Port & ~Copyable

  var lower: Lower { get set }
}

extension StackedPort where Self: ~Copyable {
  @inlinable
  public mutating func register(_ region: borrowing Region) throws(QueueError) { try lower.register(region) }

  @inlinable
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

  @inlinable
  public mutating func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    try lower.control(request)
  }

  @inlinable
  public mutating func advance(to now: MonotonicTime) -> MonotonicTime { lower.advance(to: now) }

  @inlinable
  public mutating func arm() -> Bool { lower.arm() }

  @inlinable
  public mutating func disarm() { lower.disarm() }

  @inlinable
  public func addWakeFileDescriptors(to list: inout [Int32]) { lower.addWakeFileDescriptors(to: &list) }

  @inlinable
  public mutating func quiesce() { lower.quiesce() }

  @inlinable
  public var isExhausted: Bool { lower.isExhausted }

  @inlinable
  public var wantedBufferCount: Int { lower.wantedBufferCount }

  @inlinable
  public var wantedBufferByteCount: Int { lower.wantedBufferByteCount }

  @inlinable
  public var wantedBacking: RegionBacking { lower.wantedBacking }

  @inlinable
  public func census() -> Census { lower.census() }

  @inlinable
  public func report(into reports: inout [StageReport]) { lower.report(into: &reports) }
}
