public import CleanQ

/// Puts the stages of a ``Pipeline`` together. `if`, `else` and `switch` choose between stages that stand on the same and give the same.
@resultBuilder
public enum PipelineBuilder {
  public static func buildPartialBlock<End: EndStage>(first end: End) -> Bottom<End> { Bottom(end: end) }

  public static func buildPartialBlock<End: EndStage>(first end: ForkedEnd<End>) -> ForkedEnd<End> { end }

  public static func buildPartialBlock<Left: PipelineStack, Layer: LayerStage>(
    accumulated: Left, next: Layer
  ) -> Layered<Left, Layer> where Left.Unit == Layer.Below { Layered(below: accumulated, layer: next) }

  public static func buildPartialBlock<Left: PipelineStack, Stage: PassThroughStage>(
    accumulated: Left, next: Stage
  ) -> Tapped<Left, Stage> { Tapped(below: accumulated, stage: next) }

  public static func buildPartialBlock<Left: PipelineStack, End: EndStage>(
    accumulated: Left, next: End
  ) -> Joined<Left, End> where Left.Unit == End.Unit { Joined(left: accumulated, end: next) }

  public static func buildPartialBlock<Left: PipelineStack>(
    accumulated: Left, next: Branch<Left.Unit>
  ) -> Forked<Left> { Forked(left: accumulated, stages: next.stages) }

  @_disfavoredOverload
  public static func buildPartialBlock<Left: PipelineStack, Sink: SinkStage>(
    accumulated: Left, next: Sink
  ) -> Sunk<Left, Sink> { Sunk(left: accumulated, sink: next) }

  public static func buildFinalResult<Body: PipelineBody>(_ body: Body) -> Body { body }
}

// MARK: if

extension PipelineBuilder {
  public static func buildPartialBlock<Layer: LayerStage>(first layer: Layer) -> Layer { layer }

  public static func buildPartialBlock<Stage: PassThroughStage>(first stage: Stage) -> Stage { stage }

  @_disfavoredOverload
  public static func buildPartialBlock<Sink: SinkStage>(first sink: Sink) -> Sink { sink }

  public static func buildPartialBlock<First: PassThroughStage, Second: PassThroughStage>(
    accumulated: First, next: Second
  ) -> PassThroughChain<First, Second> { PassThroughChain(first: accumulated, second: next) }

  public static func buildOptional<Stage: PassThroughStage>(_ stage: Stage?) -> OptionalStage<Stage> {
    OptionalStage(stage: stage)
  }

  public static func buildEither<First: Stage, Second: Stage>(first stage: First) -> EitherStage<First, Second> {
    .first(stage)
  }

  public static func buildEither<First: Stage, Second: Stage>(second stage: Second) -> EitherStage<First, Second> {
    .second(stage)
  }

  public static func buildEither<First: EndStage, Second: EndStage>(
    first stage: Bottom<First>
  ) -> EitherStage<First, Second> { .first(stage.end) }

  public static func buildEither<First: EndStage, Second: EndStage>(
    second stage: Bottom<Second>
  ) -> EitherStage<First, Second> { .second(stage.end) }
}

// MARK: Mistakes

extension PipelineBuilder {
  @available(
    *, unavailable,
    message: "this layer cannot stand here: the stage before it gives other traffic; IP stands on a device, UDP on IP"
  )
  @_disfavoredOverload
  public static func buildPartialBlock<Left: PipelineStack, Layer: LayerStage>(
    accumulated: Left, next: Layer
  ) -> Impossible<Layer.Above> { unavailable() }

  @available(
    *, unavailable,
    message:
      "this device cannot stand here: the stage before it gives other traffic; a device takes what a device gives"
  )
  @_disfavoredOverload
  public static func buildPartialBlock<Left: PipelineStack, End: EndStage>(
    accumulated: Left, next: End
  ) -> Impossible<Left.Unit> { unavailable() }

  @available(*, unavailable, message: "no stage can stand behind the right end: take it out, or the end before it")
  @_disfavoredOverload
  public static func buildPartialBlock<Body: PipelineBody, Behind: Stage>(
    accumulated: Body, next: Behind
  ) -> Impossible<Frame> { unavailable() }

  @available(
    *, unavailable,
    message: "the left end is missing: a pipeline begins with a device or a file, TAP(\"tap0\") for example"
  )
  @_disfavoredOverload
  public static func buildPartialBlock<First: Stage, Next: Stage>(
    accumulated: First, next: Next
  ) -> Impossible<Frame> { unavailable() }

  @available(
    *, unavailable,
    message: "the right end is missing: a pipeline ends with a device, Echo(), Discard(), or with branches"
  )
  @_disfavoredOverload
  public static func buildFinalResult<Left: PipelineStack>(_ left: Left) -> Impossible<Left.Unit> { unavailable() }

  private static func unavailable() -> Never { preconditionFailure("nothing calls what is unavailable") }
}

/// What a mistake in a ``Pipeline`` would be: there is no value of the type.
public enum Impossible<Unit: Traffic>: PipelineStack, PipelineBody {
  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Unit { switch self {} }

  public func open(in context: PipelineContext) throws(StageError) { switch self {} }
}
