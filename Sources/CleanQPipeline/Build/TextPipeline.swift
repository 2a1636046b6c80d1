internal import CleanQ
public import Logging

/// A pipeline that was put together from a text: the same stages, with one dynamic call per burst between them.
public struct TextPipeline: Sendable {
  private let checked: CheckedPipeline
  private let spin: Duration

  /// - Parameter spin: as ``Pipeline/init(spin:_:)``.
  public init(_ checked: CheckedPipeline, spin: Duration = PipelineContext.standardSpin) {
    self.checked = checked
    self.spin = spin
  }

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
    let context = PipelineContext(
      logger: logger, instanceCount: max(cpus.count, 1), cancelFile: cancelFile, spin: spin)
    var placements: [Placement] = []
    try context.openInstances { () throws(StageError) in placements = try open(in: context, onOpening) }
    guard !cpus.isEmpty else { return try RunningPipeline(context, placements: [placements]) }
    return try RunningPipeline(context, placements: cpus.map { context.placements(on: $0) })
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
    in context: PipelineContext, _ onOpening: @escaping (String) -> Void
  ) throws(StageError) -> [Placement] {
    var opener = StageOpener(context, onOpening: onOpening)
    try opener.open(checked.stages.map(OpenStage.init))
    return opener.placements
  }
}

extension OpenStage {
  init(_ stage: CheckedStage) {
    // With several CPUs each instance of the pipeline runs on one.
    self.init(
      description: stage.description, label: StageLabel(text: stage.text, path: stage.path), name: stage.text,
      placement: stage.cpus.count == 1 ? stage.cpus.first.map { .cpu($0) } : nil, share: stage.share,
      branches: stage.branches.map { $0.map(OpenStage.init) })
  }
}
