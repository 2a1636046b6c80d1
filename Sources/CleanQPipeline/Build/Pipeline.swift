internal import CleanQ
public import Logging

/// Stages that follow each other like commands in a Unix pipe.
///
///     let echo = Pipeline {
///       TAP("tap0")
///       IP("10.0.0.2/24")
///       UDP(port: 7)
///       Echo()
///     }
///     try echo.runUntilSignal(on: [.cpu(1)])
///
/// A stage with several users has a closure: ``Branch``.
///
/// The compiler checks which stage may follow which, and that both ends are there. A `Handoff()` between two stages
/// starts a new loop, on a thread of its own; all other neighbours are fused into one.
public struct Pipeline<Body: PipelineBody>: Sendable {
  @usableFromInline let body: Body
  @usableFromInline let spin: Duration

  /// - Parameters:
  ///   - spin: how long a loop without work spins before it sleeps, a second at most. It does so only while packets come that
  ///     close together; `.zero` for never.
  ///   - make: the stages.
  public init(spin: Duration = PipelineContext.standardSpin, @PipelineBuilder _ make: () -> Body) {
    self.spin = spin
    body = make()
  }

  /// Opens every stage and starts the threads.
  ///
  /// - Parameters:
  ///   - placements: where the loops run, left to right; those that are not named run anywhere.
  ///   - logger: where the stages say what a user should know.
  ///   - cancelFile: a file that becomes readable when the start is to be abandoned, or -1.
  /// - Throws: StageError where a stage could not be opened, or the start was abandoned; everything is closed again then.
  @inlinable
  public func start(
    on placements: [Placement] = [], logger: Logger = Logger(label: "cleanq"), cancelFile: Int32 = -1
  ) throws(StageError) -> RunningPipeline {
    let context = PipelineContext(logger: logger, cancelFile: cancelFile, spin: spin)
    try context.openInstances { () throws(StageError) in try body.open(in: context) }
    return try RunningPipeline(context, placements: [placements])
  }

  /// Opens an instance of the pipeline for each CPU and starts the threads: `VhostUser("/run/x.sock", queues: 2)` at the left end
  /// and `start(onEach: [0, 1])`. Each instance has a queue pair of the device and buffers of its own, and runs on its CPU alone;
  /// the instances share nothing else, and stop together.
  ///
  /// - Parameters:
  ///   - cpus: at least one, each once.
  ///   - logger: where the stages say what a user should know.
  ///   - cancelFile: a file that becomes readable when the start is to be abandoned, or -1.
  /// - Throws: StageError if a stage could not be opened, or not that many times, or the start was cancelled; everything is
  ///   closed again then.
  @inlinable
  public func start(
    onEach cpus: [Int], logger: Logger = Logger(label: "cleanq"), cancelFile: Int32 = -1
  ) throws(StageError) -> RunningPipeline {
    try RunningPipeline.refuseBadList(of: cpus)
    let context = PipelineContext(
      logger: logger, instanceCount: cpus.count, cancelFile: cancelFile, spin: spin)
    try context.openInstances { () throws(StageError) in try body.open(in: context) }
    return try RunningPipeline(context, placements: cpus.map { context.placements(on: $0) })
  }

  /// Runs the pipeline until SIGINT or SIGTERM comes or its source is exhausted: the main function of a daemon.
  ///
  /// SIGHUP reopens what stages write, captures, and where nothing can be reopened it ends the pipeline too. SIGUSR1 logs a
  /// report. A second SIGINT or SIGTERM ends the waiting for a stage that does not end. Signals that are ignored stay so, and
  /// everything that this changes about signals is as before when it returns, whichever thread calls it.
  ///
  /// - Returns: what it did. A ``StageReport/failure`` where a stage failed, or did not end.
  /// - Throws: StageError, as ``start(on:logger:cancelFile:)``; also where a signal came before everything was open.
  @inlinable
  @discardableResult
  public func runUntilSignal(
    on placements: [Placement] = [], logger: Logger = Logger(label: "cleanq")
  ) throws(StageError) -> PipelineReport {
    let signals = try RunSignals()
    return try start(on: placements, logger: logger, cancelFile: signals.endFile).finish(at: signals, logger)
  }

  /// Runs an instance of the pipeline on each CPU; otherwise the same as ``runUntilSignal(on:logger:)``.
  ///
  /// - Returns: what the instances did together.
  /// - Throws: StageError, as ``start(onEach:logger:cancelFile:)``; also where a signal came before everything was open.
  @inlinable
  @discardableResult
  public func runUntilSignal(
    onEach cpus: [Int], logger: Logger = Logger(label: "cleanq")
  ) throws(StageError) -> PipelineReport {
    let signals = try RunSignals()
    return try start(onEach: cpus, logger: logger, cancelFile: signals.endFile).finish(at: signals, logger)
  }
}

/// Puts the stages of a ``Pipeline`` together.
@resultBuilder
public enum PipelineBuilder {
  public static func buildPartialBlock<End: EndStage>(first end: End) -> Bottom<End> { Bottom(end: end) }

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

  public static func buildPartialBlock<End: EndStage>(first end: ForkedEnd<End>) -> ForkedEnd<End> { end }

  @_disfavoredOverload
  public static func buildPartialBlock<Left: PipelineStack, Sink: SinkStage>(
    accumulated: Left, next: Sink
  ) -> Sunk<Left, Sink> { Sunk(left: accumulated, sink: next) }
}
