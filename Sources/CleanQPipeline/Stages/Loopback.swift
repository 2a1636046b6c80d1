public import CleanQ

/// The `loopback` stage: a port that receives what it transmits. At the left end it loops frames, at the right end
/// everything.
public struct Loopback: EndStage, SinkStage {
  public typealias Unit = Frame

  public init() {}

  public static var shape: StageShape { .loop }

  public func open(in context: PipelineContext) throws(StageError) -> LoopbackPort<Frame> { LoopbackPort() }

  @inlinable
  public func join<Left: Port & ~Copyable>(to left: consuming Left, in context: PipelineContext) throws(StageError) {
    context.add(left, LoopbackPort<Left.Unit>())
  }
}
