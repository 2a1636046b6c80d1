/// A port on top of another one. What a layer does not implement goes to the port below: a layer that only counts
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
  public func refusal(of region: RegionID) -> Refusal? { lower.refusal(of: region) }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? { lower.fill(&freeBuffers) }

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
  public mutating func control(_ request: ControlRequest) throws(QueueError) { try lower.control(request) }

  @inlinable
  public var capabilities: PortCapabilities { lower.capabilities }

  @inlinable
  public mutating func sleep(_ step: SleepStep) -> Readiness { lower.sleep(step) }

  @inlinable
  public func report(into report: inout PortReport) { lower.report(into: &report) }
}

extension StackedPort where Self: ~Copyable {
  /// What a layer that changes packets may take of a burst: whole runs from its front, of regions that the port below takes.
  /// What it does not take is to be handed back as it is.
  ///
  /// - Returns: how many buffers, and why not the next one; nil where all can be taken.
  /// - Complexity: O(number of buffers); neighbours of one region are looked up once.
  @inlinable
  public func offer(_ burst: borrowing Burst) -> (count: Int, refusal: Refusal?) {
    var region = RegionID.none
    var wholeCount = 0
    for index in 0..<burst.count {
      let next = burst[index].region
      if next != region {
        if let refusal = lower.refusal(of: next) { return (wholeCount, refusal) }
        region = next
      }
      if burst[index].flags.contains(.last) { wholeCount = index &+ 1 }
    }
    return (wholeCount, wholeCount == burst.count ? nil : .incompleteChain)
  }
}

extension Port where Self: ~Copyable {
  /// For a layer above: takes empty buffers that the layer holds. Those of a region that the port does not know, and would never
  /// take, go home to their region.
  @inlinable
  public mutating func fillOrRelease(_ freeBuffers: inout Burst) {
    var refusal = fill(&freeBuffers)
    while refusal == .unknownRegion, let buffer = freeBuffers.popFirst() {
      buffer.release()
      refusal = freeBuffers.isEmpty ? nil : fill(&freeBuffers)
    }
  }
}

extension Burst {
  /// Moves the first `count` buffers to the end of `other`, which must have room for them.
  ///
  /// - Complexity: O(1) where all of them go into an empty burst, else O(`count`).
  @inlinable
  public mutating func moveFirst(_ count: Int, to other: inout Burst) {
    if count == self.count { return other.append(contentsOf: &self) }
    for _ in 0..<count { if let buffer = popFirst() { other.append(buffer) } }
  }
}
