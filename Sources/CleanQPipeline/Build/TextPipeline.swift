internal import CleanQ
public import Logging

/// A pipeline that was put together from a text: the same stages, with one dynamic call per burst between them.
public struct TextPipeline: Sendable {
  private let checked: CheckedPipeline

  public init(_ checked: CheckedPipeline) { self.checked = checked }

  /// Opens every stage and starts the threads; as ``Pipeline/start(on:logger:)``, with the CPUs of the text's marks.
  ///
  /// - Parameters:
  ///   - logger: where the stages say what a user should know.
  ///   - cancelFile: a file that becomes readable when the start is to be abandoned, or -1.
  /// - Throws: StageError where a stage could not be opened, or the start was abandoned; everything is closed again then.
  public func start(logger: Logger, cancelFile: Int32 = -1) throws(StageError) -> RunningPipeline {
    try start(logger: logger, cancelFile: cancelFile) { _ in }
  }

  /// The same.
  ///
  /// - Parameter onOpening: called before each stage is opened, with its text.
  package func start(
    logger: Logger, cancelFile: Int32, onOpening: @escaping (String) -> Void
  ) throws(StageError) -> RunningPipeline {
    let cpus = checked.instanceCPUs
    let context = PipelineContext(logger: logger, instanceCount: max(cpus.count, 1), cancelFile: cancelFile)
    var placements: [Placement] = []
    try context.openInstances { () throws(StageError) in placements = try open(in: context, onOpening) }
    let texts = checked.stages.map(\.text)
    guard !cpus.isEmpty else { return try RunningPipeline(context, placements: [placements], texts: texts) }
    return try RunningPipeline(context, placements: cpus.map { context.placements(on: $0) }, texts: texts)
  }

  /// Runs the pipeline until a signal comes or its source is exhausted; as ``Pipeline/runUntilSignal(on:logger:)``.
  ///
  /// - Returns: what it did.
  /// - Throws: StageError, as ``start(logger:cancelFile:)``; also where a signal came before everything was open.
  @discardableResult
  public func runUntilSignal(logger: Logger = Logger(label: "cleanq")) throws(StageError) -> PipelineReport {
    let signals = try RunSignals()
    return try start(logger: logger, cancelFile: signals.endFile).finish(at: signals, logger)
  }

  /// Opens one instance. Returns where its loops run.
  private func open(
    in context: PipelineContext, _ onOpening: (String) -> Void
  ) throws(StageError) -> [Placement] {
    guard let first = checked.stages.first, let last = checked.stages.last else {
      throw StageError("pipeline", "has no stages")
    }
    var placements = [Self.placement(first) ?? .any]
    guard let bottom = first.description as? any EndStage else { throw Self.misplaced(first) }
    onOpening(first.text)
    var stack = try bottom.openBottom(in: context)
    for stage in checked.stages.dropFirst() {
      // A mark for another CPU hands over to a new loop.
      if let placement = Self.placement(stage), placement != placements.last {
        stack = try Handoff().put(on: stack, in: context)
        placements.append(placement)
      }
      onOpening(stage.text)
      if stage.call.range == last.call.range {
        try Self.end(stage, on: stack, context)
        break
      }
      stack = try Self.put(stage, on: stack, context)
    }
    return placements
  }

  /// Where the stage runs; nil where anywhere, or where its copy runs.
  private static func placement(_ stage: CheckedStage) -> Placement? {
    stage.cpus.count == 1 ? stage.cpus.first.map { .cpu($0) } : nil
  }

  private static func put(
    _ stage: CheckedStage, on stack: consuming AnyStack, _ context: PipelineContext
  ) throws(StageError) -> AnyStack {
    if let layer = stage.description as? any LayerStage {
      guard let result = try layer.put(on: stack, in: context) else { throw misplaced(stage) }
      return result
    }
    guard let through = stage.description as? any PassThroughStage else { throw misplaced(stage) }
    return try through.put(on: stack, in: context)
  }

  private static func end(
    _ stage: CheckedStage, on stack: consuming AnyStack, _ context: PipelineContext
  ) throws(StageError) {
    if let sink = stage.description as? any SinkStage { return try sink.openTop(on: stack, in: context) }
    guard let end = stage.description as? any EndStage, try end.openTop(on: stack, in: context) else {
      throw misplaced(stage)
    }
  }

  /// The checker lets no such stage through; a third party's description may say one shape and be another.
  private static func misplaced(_ stage: CheckedStage) -> StageError {
    StageError(stage.text, "cannot stand here: its description does not do what its shape says")
  }
}
