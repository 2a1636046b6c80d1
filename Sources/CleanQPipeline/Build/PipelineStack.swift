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
  @usableFromInline let end: End

  @inlinable
  @inline(__always)
  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Unit {
    try context.admitNext(end)
    return try next(end.open(in: context))
  }
}

/// A protocol layer on the stages to its left.
public struct Layered<Below: PipelineStack, Layer: LayerStage>: PipelineStack where Below.Unit == Layer.Below {
  public typealias Unit = Layer.Above
  @usableFromInline let below: Below
  @usableFromInline let layer: Layer

  @inlinable
  @inline(__always)
  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Unit {
    try below.open(in: context, then: PutLayer(layer: layer, context: context, next: next))
  }
}

/// A stage that lets anything through, on the stages to its left.
public struct Tapped<Below: PipelineStack, Stage: PassThroughStage>: PipelineStack {
  public typealias Unit = Below.Unit
  @usableFromInline let below: Below
  @usableFromInline let stage: Stage

  @inlinable
  @inline(__always)
  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Unit {
    try below.open(in: context, then: PutThrough<Unit, Stage, Next>(stage: stage, context: context, next: next))
  }
}

/// Continues with a layer on the port.
@usableFromInline
struct PutLayer<Layer: LayerStage, Next: PortContinuation>: PortContinuation where Next.Unit == Layer.Above {
  @usableFromInline typealias Unit = Layer.Below
  @usableFromInline typealias Result = Next.Result
  @usableFromInline let layer: Layer
  @usableFromInline let context: PipelineContext
  @usableFromInline let next: Next

  @inlinable
  init(layer: Layer, context: PipelineContext, next: Next) {
    self.layer = layer
    self.context = context
    self.next = next
  }

  @inlinable
  @inline(__always)
  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) -> Result where P.Unit == Unit {
    try context.admitNext(layer)
    return try layer.attach(to: port, in: context, then: next)
  }
}

/// Continues with a pass-through stage on the port.
@usableFromInline
struct PutThrough<Unit: Traffic, Stage: PassThroughStage, Next: PortContinuation>: PortContinuation
where Next.Unit == Unit {
  @usableFromInline typealias Result = Next.Result
  @usableFromInline let stage: Stage
  @usableFromInline let context: PipelineContext
  @usableFromInline let next: Next

  @inlinable
  init(stage: Stage, context: PipelineContext, next: Next) {
    self.stage = stage
    self.context = context
    self.next = next
  }

  @inlinable
  @inline(__always)
  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) -> Result where P.Unit == Unit {
    try context.admitNext(stage)
    return try stage.attach(to: port, in: context, then: next)
  }
}
