public import CleanQ

/// A port that takes every packet and sends none: each buffer comes back at once as sent.
@frozen
public struct DiscardPort<Unit: Traffic>: Port, ~Copyable {
  @usableFromInline var loop = LoopbackPort<Unit>()
  @usableFromInline var transmitted = StageReport.Tally()

  @inlinable
  public init() {}

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try loop.register(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) { try loop.deregister(region) }

  @inlinable
  public func refusal(of region: RegionID) -> Refusal? { loop.refusal(of: region) }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? { loop.fill(&freeBuffers) }

  @inlinable
  public mutating func receive(into filled: inout Burst) {}

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    var all = StageReport.Tally()
    all.add(filled)
    let refusal = loop.fill(&filled)
    var left = StageReport.Tally()
    left.add(filled)
    transmitted.packets &+= all.packets &- left.packets
    transmitted.bytes &+= all.bytes &- left.bytes
    return refusal
  }

  @inlinable
  public mutating func complete(into sent: inout Burst) { loop.complete(into: &sent) }

  public mutating func arm() -> Bool { loop.arm() }

  public func accounts() -> BufferAccounts { loop.accounts() }

  public func report(into reports: inout [StageReport]) {
    var report = StageReport("discard")
    report.transmitted = transmitted
    reports.append(report)
  }
}

/// The `discard` stage.
public struct Discard: SinkStage {
  public init() {}

  @inlinable
  public func join<Left: Port & ~Copyable>(to left: consuming Left, in context: PipelineContext) throws(StageError) {
    context.add(left, DiscardPort<Left.Unit>())
  }
}
