/// Any port of one kind of traffic, for pipelines that are put together at run time: one dynamic call per burst.
///
/// The calls go through closures that are made where the port's type is known, so that each is compiled for that type. A
/// class with overridden methods would not do: the methods of a generic class are compiled once, for no type in particular.
@safe
@frozen
public struct AnyPort<Unit: Traffic>: Port, ~Copyable {
  @usableFromInline let port: UnsafeMutableRawPointer
  @usableFromInline let traffic: PortTraffic
  /// Destroys the port when this value goes.
  @usableFromInline let owner: PortOwner

  /// Takes the port over.
  @inlinable
  public init<P: Port & ~Copyable>(_ port: consuming P) where P.Unit == Unit {
    let pointer = UnsafeMutablePointer<P>.allocate(capacity: 1)
    unsafe pointer.initialize(to: port)
    unsafe self.port = UnsafeMutableRawPointer(pointer)
    traffic = PortTraffic(of: P.self)
    owner = unsafe PortOwner(UnsafeMutableRawPointer(pointer), PortSetUp(of: P.self))
  }

  @inlinable
  init(owner: PortOwner, traffic: PortTraffic) {
    unsafe port = owner.port
    self.traffic = traffic
    self.owner = owner
  }

  // SAFETY, for every call below: `port` points to an initialised port of the type that the closures were made for, and
  // belongs to this noncopyable value alone, so a mutating call has exclusive access to it.

  @inlinable
  public func refusal(of region: RegionID) -> Refusal? { unsafe traffic.refusal(port, region) }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? { unsafe traffic.fill(port, &freeBuffers) }

  @inlinable
  public mutating func receive(into filled: inout Burst) { unsafe traffic.receive(port, &filled) }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? { unsafe traffic.transmit(port, &filled) }

  @inlinable
  public mutating func complete(into sent: inout Burst) { unsafe traffic.complete(port, &sent) }

  @inlinable
  public mutating func notify() { unsafe traffic.notify(port) }

  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    try unsafe owner.setUp.register(port, region)
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try unsafe owner.setUp.deregister(port, region)
  }

  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    try unsafe owner.setUp.control(port, request)
  }

  public var capabilities: PortCapabilities { unsafe owner.setUp.capabilities(port) }

  public mutating func sleep(_ step: SleepStep) -> Readiness { unsafe owner.setUp.sleep(port, step) }

  public func report(into report: inout PortReport) { unsafe owner.setUp.report(port, &report) }

  /// The same port under another name of its kind of traffic. Both names must be of one kind: the check is at run time.
  @inlinable
  public consuming func retyped<Other: Traffic>(as other: Other.Type = Other.self) -> AnyPort<Other> {
    precondition(Other.kind == Unit.kind, "a port of \(Unit.kind) does not carry \(Other.kind)")
    return AnyPort<Other>(owner: owner, traffic: traffic)
  }

  /// The same without the check, for those who join two ports of one kind, whichever it is.
  package consuming func retyped<Other: Traffic>(unchecked other: Other.Type) -> AnyPort<Other> {
    AnyPort<Other>(owner: owner, traffic: traffic)
  }
}
