public import CleanQ

/// The left part of a pipeline, up to some stage: something that can be opened into a port with traffic of one kind.
public protocol PipelineStack: Sendable {
  associatedtype Unit: Traffic

  /// Opens the stages from left to right and passes the topmost port on.
  func open<Next: PortContinuation>(in context: PipelineContext, then next: Next) throws(StageError) -> Next.Result
  where Next.Unit == Unit
}

/// A device at the left end.
public struct Bottom<End: EndStage>: PipelineStack {
  public typealias Unit = End.Unit
  let end: End

  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Unit {
    try next(end.open(in: context))
  }
}

/// A protocol layer on the stages to its left.
public struct Layered<Below: PipelineStack, Layer: LayerStage>: PipelineStack where Below.Unit == Layer.Below {
  public typealias Unit = Layer.Above
  let below: Below
  let layer: Layer

  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Unit {
    try below.open(in: context, then: PutLayer(layer: layer, context: context, next: next))
  }
}

/// A stage that lets anything through, on the stages to its left.
public struct Tapped<Below: PipelineStack, Stage: PassThroughStage>: PipelineStack {
  public typealias Unit = Below.Unit
  let below: Below
  let stage: Stage

  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Unit {
    try below.open(in: context, then: PutThrough<Unit, Stage, Next>(stage: stage, context: context, next: next))
  }
}

/// Continues with a layer on the port.
private struct PutLayer<Layer: LayerStage, Next: PortContinuation>: PortContinuation where Next.Unit == Layer.Above {
  typealias Unit = Layer.Below
  typealias Result = Next.Result
  let layer: Layer
  let context: PipelineContext
  let next: Next

  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) -> Result where P.Unit == Unit {
    try layer.attach(to: port, in: context, then: next)
  }
}

/// Continues with a pass-through stage on the port.
private struct PutThrough<Unit: Traffic, Stage: PassThroughStage, Next: PortContinuation>: PortContinuation
where Next.Unit == Unit {
  typealias Result = Next.Result
  let stage: Stage
  let context: PipelineContext
  let next: Next

  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) -> Result where P.Unit == Unit {
    try stage.attach(to: port, in: context, then: next)
  }
}
