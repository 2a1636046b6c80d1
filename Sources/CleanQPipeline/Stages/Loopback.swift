public import CleanQ

/// The `loopback` stage: a port that receives what it transmits. At the left end it loops frames, at the right end
/// everything.
public struct Loopback: EndStage, SinkStage {
  public typealias Unit = Frame

  public init() {}

  public var shape: StageShape { .loop }

  public func open(in context: PipelineContext) throws(StageError) -> LoopbackPort<Frame> { LoopbackPort() }

  @inlinable
  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result {
    try next(LoopbackPort<Next.Unit>())
  }
}
