public import CleanQ

/// A port that accepts every packet and sends none: each buffer comes back at once as sent.
@frozen
public struct DiscardPort<Unit: Traffic>: StackedPort, ~Copyable {
  public var lower = LoopbackPort<Unit>()
  @usableFromInline var transmitted = StageReport.Tally()

  @inlinable
  public init() {}

  @inlinable
  public mutating func receive(into filled: inout Burst) {}

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    var all = StageReport.Tally()
    all.add(filled)
    let refusal = lower.fill(&filled)
    var left = StageReport.Tally()
    left.add(filled)
    transmitted.packets &+= all.packets &- left.packets
    transmitted.bytes &+= all.bytes &- left.bytes
    return refusal
  }

  public func report(into report: inout PortReport) {
    var own = StageReport("discard")
    own.transmitted = transmitted
    report.accounts = lower.accounts()
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
