public import CleanQ

// What `if` and `else` in a pipeline come to. Which stage it is, is known when the pipeline is put together, and asked once, when it
// opens: both ways are compiled, and neither costs anything per packet.

/// A stage that consists of others: those are admitted and numbered, not it.
@usableFromInline
protocol CompositeStage {}

/// A stage that lets everything through, or nothing in its place.
public struct OptionalStage<Wrapped: PassThroughStage>: PassThroughStage, CompositeStage {
  @usableFromInline let stage: Wrapped?

  public var resources: [StageResource] { stage?.resources ?? [] }

  public var instances: ClosedRange<Int> { stage?.instances ?? 1...Int.max }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    guard let stage else { return try next(lower) }
    return try PutThrough<Lower.Unit, Wrapped, Next>(stage: stage, context: context, next: next)(lower)
  }
}

/// Two stages that let everything through, one after the other.
public struct PassThroughChain<First: PassThroughStage, Second: PassThroughStage>: PassThroughStage, CompositeStage {
  @usableFromInline let first: First
  @usableFromInline let second: Second

  public var resources: [StageResource] { first.resources + second.resources }

  public var instances: ClosedRange<Int> { first.instances.clamped(to: second.instances) }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    let second = PutThrough<Lower.Unit, Second, Next>(stage: second, context: context, next: next)
    return try PutThrough(stage: first, context: context, next: second)(lower)
  }
}

/// One of two stages that can stand in the same place.
public enum EitherStage<First: Stage, Second: Stage>: Stage, CompositeStage {
  case first(First)
  case second(Second)

  public static var shape: StageShape { First.shape }

  private var chosen: any Stage {
    switch self {
    case .first(let stage): stage
    case .second(let stage): stage
    }
  }

  public var shape: StageShape { chosen.shape }

  public var resources: [StageResource] { chosen.resources }

  public var instances: ClosedRange<Int> { chosen.instances }
}

extension EitherStage: PassThroughStage where First: PassThroughStage, Second: PassThroughStage {
  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    switch self {
    case .first(let stage): try PutThrough(stage: stage, context: context, next: next)(lower)
    case .second(let stage): try PutThrough(stage: stage, context: context, next: next)(lower)
    }
  }
}

extension EitherStage: LayerStage
where First: LayerStage, Second: LayerStage, First.Below == Second.Below, First.Above == Second.Above {
  public typealias Below = First.Below
  public typealias Above = First.Above

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Lower.Unit == Below, Next.Unit == Above {
    switch self {
    case .first(let stage): try PutLayer(layer: stage, context: context, next: next)(lower)
    case .second(let stage): try PutLayer(layer: stage, context: context, next: next)(lower)
    }
  }
}

extension EitherStage: SinkStage where First: SinkStage, Second: SinkStage {
  @inlinable
  public func join<Left: Port & ~Copyable>(to left: consuming Left, in context: PipelineContext) throws(StageError) {
    switch self {
    case .first(let stage): try JoinSink<Left.Unit, First>(sink: stage, context: context)(left)
    case .second(let stage): try JoinSink<Left.Unit, Second>(sink: stage, context: context)(left)
    }
  }
}

/// The two have ports of different types, so there is one dynamic call per burst.
extension EitherStage: EndStage
where First: EndStage, Second: EndStage, First.Unit == Second.Unit, First.Unit: Traffic {
  public typealias Unit = First.Unit

  public func open(in context: PipelineContext) throws(StageError) -> AnyPort<First.Unit> {
    switch self {
    case .first(let stage):
      try context.admitNext(stage)
      return AnyPort(try stage.open(in: context))
    case .second(let stage):
      try context.admitNext(stage)
      return AnyPort(try stage.open(in: context))
    }
  }
}
