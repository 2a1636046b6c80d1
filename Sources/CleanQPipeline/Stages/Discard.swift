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

  public mutating func sleep(_ step: SleepStep) -> Readiness { loop.sleep(step) }

  public func report(into report: inout PortReport) {
    var own = StageReport("discard")
    own.transmitted = transmitted
    report.accounts = loop.accounts()
    report.stages.append(own)
  }
}

/// The `discard` stage.
public struct Discard: SinkStage {
  public init() {}

  public var shape: StageShape { .sink }

  @inlinable
  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result {
    try next(DiscardPort<Next.Unit>())
  }
}
