public import Logging

/// Stages that follow each other like commands in a Unix pipe.
///
///     let echo = Pipeline {
///       TAP("tap0")
///       if isCaptured { PcapTap("echo.pcap") }
///       IP("10.0.0.2/24")
///       UDP(port: 7)
///       Echo()
///     }
///     try echo.runUntilSignal(on: [.cpu(1)])
///
/// A stage with several users has a closure: ``Branch``. The compiler checks which stage may follow which, and that both ends are
/// there. A `Handoff()` between two stages starts a new loop, on a thread of its own; all other neighbours are fused into one.
///
/// A pipeline from a text, ``init(_:)``, is the same, but for one dynamic call per burst between two stages. Sendable; may be started
/// any number of times, where its devices can be.
public struct Pipeline: Sendable {
  /// Opens the stages of an instance, left to right, and leaves the loops in the context.
  ///
  /// - Returns: where the loops run, as far as the pipeline says it itself.
  typealias Open = @Sendable (PipelineContext) throws(StageError) -> [Placement]

  private let open: Open
  /// The CPUs of which each runs an instance; empty where there is one.
  private let instanceCPUs: [Int]
  private let spin: Duration

  /// Puts stages together. The loops are compiled here for the very ports that they join.
  ///
  /// - Parameters:
  ///   - spin: how long a loop without work spins before it sleeps, a second at most. It does so only while packets come that
  ///     close together; `.zero` for never.
  ///   - make: the stages.
  @inlinable
  public init<Body: PipelineBody>(
    spin: Duration = PipelineContext.standardSpin, @PipelineBuilder _ make: () -> Body
  ) {
    let body = make()
    self.init(spin: spin, opening: { (context) throws(StageError) in try body.open(in: context) })
  }

  @usableFromInline
  init(spin: Duration, opening open: @escaping @Sendable (PipelineContext) throws(StageError) -> Void) {
    self.open = { (context) throws(StageError) in
      try open(context)
      return []
    }
    instanceCPUs = []
    self.spin = spin
  }

  /// The pipeline that a text stands for; it runs on the CPUs of the text's marks.
  ///
  /// - Parameter spin: as ``init(spin:_:)``.
  public init(_ checked: CheckedPipeline, spin: Duration = PipelineContext.standardSpin) {
    let stages = checked.stages.map(OpenStage.init)
    open = { (context) throws(StageError) in
      var opener = StageOpener(context)
      try opener.open(stages)
      return opener.placements
    }
    instanceCPUs = checked.instanceCPUs
    self.spin = spin
  }

  /// Opens every stage and starts the threads.
  ///
  /// - Parameters:
  ///   - placements: where the loops run, left to right; those that are not named run anywhere, or where the text says.
  ///   - logger: where the stages say what a user should know.
  ///   - cancelFile: a file that becomes readable when the start is to be abandoned, or -1.
  /// - Throws: StageError where a stage could not be opened, or the start was abandoned; everything is closed again then.
  public func start(
    on placements: [Placement] = [], logger: Logger = Logger(label: "cleanq"), cancelFile: Int32 = -1
  ) throws(StageError) -> RunningPipeline {
    try start(on: placements, logger: logger, cancelFile: cancelFile) { _ in }
  }

  /// The same.
  ///
  /// - Parameter onOpening: called before each stage of a text is opened, with its text.
  package func start(
    on placements: [Placement] = [], logger: Logger, cancelFile: Int32, onOpening: @escaping (String) -> Void
  ) throws(StageError) -> RunningPipeline {
    try start(on: placements, onEach: instanceCPUs, logger, cancelFile, onOpening)
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
  public func start(
    onEach cpus: [Int], logger: Logger = Logger(label: "cleanq"), cancelFile: Int32 = -1
  ) throws(StageError) -> RunningPipeline {
    try RunningPipeline.refuseBadList(of: cpus)
    return try start(on: [], onEach: cpus, logger, cancelFile) { _ in }
  }

  private func start(
    on placements: [Placement], onEach cpus: [Int], _ logger: Logger, _ cancelFile: Int32,
    _ onOpening: @escaping (String) -> Void
  ) throws(StageError) -> RunningPipeline {
    let context = PipelineContext(
      logger, instanceCount: max(cpus.count, 1), cancelFile: cancelFile, spin: spin, onOpening: onOpening)
    var own: [Placement] = []
    for index in 0..<context.instanceCount {
      context.beginInstance(index)
      own = try open(context)
    }
    if context.isCancelled { throw .cancelled("pipeline") }
    guard cpus.isEmpty else { return try RunningPipeline(context, placements: cpus.map(context.placements)) }
    return try RunningPipeline(context, placements: [placements.isEmpty ? own : placements])
  }

  /// Runs the pipeline until SIGINT or SIGTERM comes or its source is exhausted: the main function of a daemon.
  ///
  /// SIGHUP reopens what stages write, captures, and where nothing can be reopened it ends the pipeline too. SIGUSR1 logs a
  /// report. A second SIGINT or SIGTERM ends the waiting for a stage that does not end. Signals that are ignored stay so, and
  /// everything that this changes about signals is as before when it returns, whichever thread calls it.
  ///
  /// - Returns: what it did. A ``StageReport/failure`` where a stage failed, or did not end.
  /// - Throws: StageError, as ``start(on:logger:cancelFile:)``; also where a signal came before everything was open.
  @discardableResult
  public func runUntilSignal(
    on placements: [Placement] = [], logger: Logger = Logger(label: "cleanq")
  ) throws(StageError) -> PipelineReport {
    let signals = try ProcessSignals()
    return try start(on: placements, logger: logger, cancelFile: signals.endFile).finish(at: signals, logger)
  }

  /// Runs an instance of the pipeline on each CPU; otherwise the same as ``runUntilSignal(on:logger:)``.
  ///
  /// - Returns: what the instances did together.
  /// - Throws: StageError, as ``start(onEach:logger:cancelFile:)``; also where a signal came before everything was open.
  @discardableResult
  public func runUntilSignal(
    onEach cpus: [Int], logger: Logger = Logger(label: "cleanq")
  ) throws(StageError) -> PipelineReport {
    let signals = try ProcessSignals()
    return try start(onEach: cpus, logger: logger, cancelFile: signals.endFile).finish(at: signals, logger)
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
