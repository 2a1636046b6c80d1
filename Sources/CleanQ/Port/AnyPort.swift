/// Any port of one kind of traffic, for pipelines that are put together at run time: one dynamic call per burst.
@safe
@frozen
public struct AnyPort<Unit: Traffic>: Port, ~Copyable {
  @usableFromInline let box: PortBox<Unit>

  /// Takes the port over.
  @inlinable
  public init<P: Port & ~Copyable>(_ port: consuming P) where P.Unit == Unit { box = PortBoxOf(port) }

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try box.register(region) }
  public mutating func deregister(_ region: borrowing Region) throws(QueueError) { try box.deregister(region) }
  @inlinable
  @discardableResult
  public mutating func fill(_ empties: inout Burst) -> Refusal? { box.fill(&empties) }
  @inlinable
  public mutating func receive(into filled: inout Burst) { box.receive(into: &filled) }
  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? { box.transmit(&filled) }
  @inlinable
  public mutating func complete(into sent: inout Burst) { box.complete(into: &sent) }
  @inlinable
  public mutating func notify() { box.notify() }
  public mutating func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    try box.control(request)
  }
  public mutating func advance(to now: MonotonicTime) -> MonotonicTime { box.advance(to: now) }
  public mutating func arm() -> Bool { box.arm() }
  public mutating func disarm() { box.disarm() }
  public func addWakeFileDescriptors(to list: inout [Int32]) { box.addWakeFileDescriptors(to: &list) }
  public mutating func quiesce() { box.quiesce() }
  public var isExhausted: Bool { box.isExhausted }
  public var wantedBufferCount: Int { box.wantedBufferCount }
  public var wantedBufferByteCount: Int { box.wantedBufferByteCount }
  public func census() -> Census { box.census() }
  public func report(into reports: inout [StageReport]) { box.report(into: &reports) }
}

/// The calls of a port, to be overridden by the box that knows which port it is.
@usableFromInline
class PortBox<Unit: Traffic> {
  @inlinable init() {}
  @usableFromInline func register(_ region: borrowing Region) throws(QueueError) { fatalError("abstract") }
  @usableFromInline func deregister(_ region: borrowing Region) throws(QueueError) { fatalError("abstract") }
  @usableFromInline func fill(_ empties: inout Burst) -> Refusal? { fatalError("abstract") }
  @usableFromInline func receive(into filled: inout Burst) { fatalError("abstract") }
  @usableFromInline func transmit(_ filled: inout Burst) -> Refusal? { fatalError("abstract") }
  @usableFromInline func complete(into sent: inout Burst) { fatalError("abstract") }
  @usableFromInline func notify() { fatalError("abstract") }
  @usableFromInline func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    fatalError("abstract")
  }
  @usableFromInline func advance(to now: MonotonicTime) -> MonotonicTime { fatalError("abstract") }
  @usableFromInline func arm() -> Bool { fatalError("abstract") }
  @usableFromInline func disarm() { fatalError("abstract") }
  @usableFromInline func addWakeFileDescriptors(to list: inout [Int32]) { fatalError("abstract") }
  @usableFromInline func quiesce() { fatalError("abstract") }
  @usableFromInline var isExhausted: Bool { fatalError("abstract") }
  @usableFromInline var wantedBufferCount: Int { fatalError("abstract") }
  @usableFromInline var wantedBufferByteCount: Int { fatalError("abstract") }
  @usableFromInline func census() -> Census { fatalError("abstract") }
  @usableFromInline func report(into reports: inout [StageReport]) { fatalError("abstract") }
}

/// Holds a port behind a pointer of its own, so that a call needs no exclusivity check on class state.
@safe
@usableFromInline
final class PortBoxOf<P: Port & ~Copyable>: PortBox<P.Unit> {
  @usableFromInline let port: UnsafeMutablePointer<P>

  // SAFETY, for every access below: `port` is initialised from init to deinit and belongs to this box alone; the AnyPort
  // that holds the box is noncopyable, so its mutating methods have exclusive access.
  @inlinable
  init(_ port: consuming P) {
    unsafe self.port = UnsafeMutablePointer<P>.allocate(capacity: 1)
    unsafe self.port.initialize(to: port)
  }

  deinit {
    unsafe port.deinitialize(count: 1)
    unsafe port.deallocate()
  }

  @inlinable
  override func register(_ region: borrowing Region) throws(QueueError) { try unsafe port.pointee.register(region) }
  @inlinable
  override func deregister(_ region: borrowing Region) throws(QueueError) { try unsafe port.pointee.deregister(region) }
  @inlinable
  override func fill(_ empties: inout Burst) -> Refusal? { unsafe port.pointee.fill(&empties) }
  @inlinable
  override func receive(into filled: inout Burst) { unsafe port.pointee.receive(into: &filled) }
  @inlinable
  override func transmit(_ filled: inout Burst) -> Refusal? { unsafe port.pointee.transmit(&filled) }
  @inlinable
  override func complete(into sent: inout Burst) { unsafe port.pointee.complete(into: &sent) }
  @inlinable
  override func notify() { unsafe port.pointee.notify() }
  @inlinable
  override func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    try unsafe port.pointee.control(request)
  }
  @inlinable
  override func advance(to now: MonotonicTime) -> MonotonicTime { unsafe port.pointee.advance(to: now) }
  @inlinable
  override func arm() -> Bool { unsafe port.pointee.arm() }
  @inlinable
  override func disarm() { unsafe port.pointee.disarm() }
  @inlinable
  override func addWakeFileDescriptors(to list: inout [Int32]) {
    unsafe port.pointee.addWakeFileDescriptors(to: &list)
  }
  @inlinable
  override func quiesce() { unsafe port.pointee.quiesce() }
  @inlinable
  override var isExhausted: Bool { unsafe port.pointee.isExhausted }
  @inlinable
  override var wantedBufferCount: Int { unsafe port.pointee.wantedBufferCount }
  @inlinable
  override var wantedBufferByteCount: Int { unsafe port.pointee.wantedBufferByteCount }
  @inlinable
  override func census() -> Census { unsafe port.pointee.census() }
  @inlinable
  override func report(into reports: inout [StageReport]) { unsafe port.pointee.report(into: &reports) }
}
