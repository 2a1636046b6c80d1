/// A port that receives what it transmits, in the same order, in the same buffers.
///
/// Holds at most one burst in each direction; more is refused as full until the burst is taken.
@frozen
public struct LoopbackPort<Unit: Traffic>: Port, ~Copyable, Sendable {
  @usableFromInline var table = RegionTable()
  @usableFromInline var backlog = Backlog()

  public init() {}

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try backlog.requireNone(of: region.id)
    try table.remove(region.id)
  }

  @inlinable
  public func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    table.move(&freeBuffers, to: &backlog.toComplete)
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) { filled.append(contentsOf: &backlog.toReceive) }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? { table.move(&filled, to: &backlog.toReceive) }

  @inlinable
  public mutating func complete(into sent: inout Burst) { sent.append(contentsOf: &backlog.toComplete) }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    Readiness(hasWork: backlog.hasArrivals)
  }

  public func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = table.byteCount
    backlog.add(to: &report.accounts)
    report.stages.append(StageReport("loopback"))
  }
}

extension LoopbackPort {
  /// What ``transmit(_:)`` would take of a burst.
  ///
  /// - Returns: how many buffers, and why not the next one; nil where all can be taken.
  @inlinable
  public func offer(_ burst: borrowing Burst) -> (count: Int, refusal: Refusal?) {
    let (taken, refusal) = table.offer(burst, room: backlog.toReceive.room, capacity: Burst.capacity)
    return (taken, refusal)
  }

  /// How many buffers ``giveBack(_:_:)`` has room for.
  @inlinable
  public var completionRoom: Int { backlog.toComplete.room }

  /// Receives buffers that ``offer(_:)`` has found acceptable.
  @inlinable
  public mutating func deliver(_ burst: inout Burst) { backlog.toReceive.append(contentsOf: &burst) }

  /// Takes the buffers whose bits are set out of a burst and completes them as if they had been sent.
  @inlinable
  public mutating func giveBack(_ burst: inout Burst, _ selection: UInt32) {
    burst.move(selection, to: &backlog.toComplete)
  }
}

extension RegionTable {
  /// Moves whole runs of buffers of registered regions from the front of one burst to the end of another.
  ///
  /// - Returns: nil where all were moved, else why the first that is left was not.
  @inlinable
  public func move(_ source: inout Burst, to destination: inout Burst) -> Refusal? {
    guard !source.isEmpty else { return nil }
    let (taken, refusal) = offer(source, room: destination.room, capacity: Burst.capacity)
    source.moveFirst(taken, to: &destination)
    return refusal
  }
}

extension Burst {
  /// Bytes of the buffers that belong to one region.
  public func byteCount(of region: RegionID) -> Int {
    var sum = 0
    for index in 0..<count where self[index].region == region { sum += self[index].byteCount }
    return sum
  }
}
