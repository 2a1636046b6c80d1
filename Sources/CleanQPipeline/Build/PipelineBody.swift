public import CleanQ

/// A pipeline with both ends: something that can be opened into loops.
public protocol PipelineBody: Sendable {
  /// Opens every stage, left to right, and leaves the loops in the context.
  func open(in context: PipelineContext) throws(StageError)
}

/// A stack of stages with a device at its right end.
public struct Joined<Left: PipelineStack, End: EndStage>: PipelineBody where Left.Unit == End.Unit {
  @usableFromInline let left: Left
  @usableFromInline let end: End

  @inlinable
  @inline(__always)
  public func open(in context: PipelineContext) throws(StageError) {
    try left.open(in: context, then: JoinEnd(end: end, context: context))
  }
}

/// A stack of stages with a sink at its right end.
public struct Sunk<Left: PipelineStack, Sink: SinkStage>: PipelineBody {
  @usableFromInline let left: Left
  @usableFromInline let sink: Sink

  @inlinable
  @inline(__always)
  public func open(in context: PipelineContext) throws(StageError) {
    try left.open(in: context, then: JoinSink<Left.Unit, Sink>(sink: sink, context: context))
  }
}

/// Opens the device at the right end and joins the two.
@usableFromInline
struct JoinEnd<End: EndStage>: PortContinuation {
  @usableFromInline typealias Unit = End.Unit
  @usableFromInline let end: End
  @usableFromInline let context: PipelineContext

  @inlinable
  init(end: End, context: PipelineContext) {
    self.end = end
    self.context = context
  }

  @inlinable
  @inline(__always)
  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) where P.Unit == Unit {
    try context.admitNext(end)
    try end.openEnd(of: port, in: context)
  }
}

extension EndStage {
  @inlinable
  @inline(__always)
  public func openEnd<Left: Port & ~Copyable>(of left: consuming Left, in context: PipelineContext) throws(StageError)
  where Left.Unit == Unit {
    context.add(left, try open(in: context))
  }
}

/// Opens the sink at the right end and joins the two.
@usableFromInline
struct JoinSink<Unit: Traffic, Sink: SinkStage>: PortContinuation {
  @usableFromInline let sink: Sink
  @usableFromInline let context: PipelineContext

  @inlinable
  init(sink: Sink, context: PipelineContext) {
    self.sink = sink
    self.context = context
  }

  @inlinable
  @inline(__always)
  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) where P.Unit == Unit {
    try context.admitNext(sink)
    try sink.join(to: port, in: context)
  }
}
