public import CleanQ

/// One user of a stage that has several: stages from the one that claims its packets to a right end.
///
///     IP("10.0.0.2/24") {
///       UDP(port: 7) { Echo() }
///       UDP(port: 9) {
///         Count()
///         Discard()
///       }
///     }
///
/// A stage with a closure that holds stages up to a right end is a branch; a stage with a closure that holds branches has a fork
/// above it. `Unit` is what the branch takes: the compiler checks that it is what the stage below gives.
public struct Branch<Unit: Traffic>: Sendable {
  var stages: [OpenStage]

  init(_ stages: [OpenStage]) { self.stages = stages }

  /// The same branch with a share of the buffers of its own, instead of a part like that of the others.
  ///
  /// - Parameter bufferCount: the most buffers that the branch may have, > 0.
  public func share(_ bufferCount: Int) -> Branch {
    precondition(bufferCount > 0, "a branch has a buffer at least")
    var branch = self
    branch.stages[0].share = bufferCount
    return branch
  }
}

/// Stages of a branch that has no right end yet.
public struct BranchPart<Unit: Traffic, Above: Traffic>: Sendable {
  let stages: [OpenStage]
}

/// What stands in the closure of a stage: the rest of its branch, or branches.
public struct BranchContent<Unit: Traffic>: Sendable {
  let content: BranchContentKind
}

/// The same, for any kind of traffic.
enum BranchContentKind: Sendable {
  case rest([OpenStage])
  case branches([[OpenStage]])
}

/// Branches of one stage, one after the other.
public struct Branches<Unit: Traffic>: Sendable {
  let branches: [[OpenStage]]
}

/// Puts the stages of a branch together, or branches.
@resultBuilder
public enum BranchBuilder<Unit: Traffic> {
  public static func buildPartialBlock<Layer: LayerStage>(
    first layer: Layer
  ) -> BranchPart<Unit, Layer.Above> where Layer.Below == Unit { BranchPart(stages: [OpenStage(layer)]) }

  public static func buildPartialBlock<Stage: PassThroughStage>(first stage: Stage) -> BranchPart<Unit, Unit> {
    BranchPart(stages: [OpenStage(stage)])
  }

  public static func buildPartialBlock<End: EndStage>(first end: End) -> Branch<Unit> where End.Unit == Unit {
    Branch([OpenStage(end)])
  }

  @_disfavoredOverload
  public static func buildPartialBlock<Sink: SinkStage>(first sink: Sink) -> Branch<Unit> { Branch([OpenStage(sink)]) }

  public static func buildPartialBlock(first branch: Branch<Unit>) -> Branches<Unit> {
    Branches(branches: [branch.stages])
  }

  public static func buildPartialBlock<Middle: Traffic, Layer: LayerStage>(
    accumulated: BranchPart<Unit, Middle>, next layer: Layer
  ) -> BranchPart<Unit, Layer.Above> where Layer.Below == Middle {
    BranchPart(stages: accumulated.stages + [OpenStage(layer)])
  }

  public static func buildPartialBlock<Middle: Traffic, Stage: PassThroughStage>(
    accumulated: BranchPart<Unit, Middle>, next stage: Stage
  ) -> BranchPart<Unit, Middle> { BranchPart(stages: accumulated.stages + [OpenStage(stage)]) }

  public static func buildPartialBlock<Middle: Traffic, End: EndStage>(
    accumulated: BranchPart<Unit, Middle>, next end: End
  ) -> Branch<Unit> where End.Unit == Middle { Branch(accumulated.stages + [OpenStage(end)]) }

  @_disfavoredOverload
  public static func buildPartialBlock<Middle: Traffic, Sink: SinkStage>(
    accumulated: BranchPart<Unit, Middle>, next sink: Sink
  ) -> Branch<Unit> { Branch(accumulated.stages + [OpenStage(sink)]) }

  public static func buildPartialBlock<Middle: Traffic>(
    accumulated: BranchPart<Unit, Middle>, next branch: Branch<Middle>
  ) -> Branch<Unit> { Branch(accumulated.stages + branch.stages) }

  public static func buildPartialBlock(accumulated: Branches<Unit>, next branch: Branch<Unit>) -> Branches<Unit> {
    Branches(branches: accumulated.branches + [branch.stages])
  }

  public static func buildFinalResult(_ branch: Branch<Unit>) -> BranchContent<Unit> {
    BranchContent(content: .rest(branch.stages))
  }

  public static func buildFinalResult(_ branches: Branches<Unit>) -> BranchContent<Unit> {
    BranchContent(content: .branches(branches.branches))
  }
}

extension LayerStage {
  /// The stage with what stands above it: the rest of a branch, or several branches.
  public func callAsFunction(@BranchBuilder<Above> _ content: () -> BranchContent<Above>) -> Branch<Below> {
    Branch(OpenStage.joining(self, content().content))
  }
}

extension EndStage {
  /// A whole pipeline: this device at the left end, and branches above it.
  public func callAsFunction(@BranchBuilder<Unit> _ content: () -> BranchContent<Unit>) -> ForkedEnd<Self>
  where Unit: Traffic {
    ForkedEnd(end: self, content: content().content)
  }
}

extension OpenStage {
  init(_ stage: any StageDescription) {
    let name = "\(type(of: stage))"
    self.init(description: stage, label: StageLabel(), name: name)
  }

  /// A stage and what stands above it.
  static func joining(_ stage: any StageDescription, _ content: BranchContentKind) -> [OpenStage] {
    var first = OpenStage(stage)
    switch content {
    case .rest(let stages): return [first] + stages
    case .branches(let branches):
      let claiming = branches.compactMap { ForkPlan.claimingStage(of: $0.map(\.description))?.stage }
      if let reading = stage as? any BlockReadingStage { first.description = reading.reading(claiming) }
      first.branches = branches
      return [first]
    }
  }
}

/// A stack of stages with branches above it.
public struct Forked<Left: PipelineStack>: PipelineBody {
  @usableFromInline let left: Left
  /// The stages above it: the first has the branches, or what follows it has.
  let stages: [OpenStage]

  @inlinable
  public func open(in context: PipelineContext) throws(StageError) {
    try left.open(in: context, then: joint(in: context))
  }

  @usableFromInline
  func joint(in context: PipelineContext) -> JoinBranch<Left.Unit> { JoinBranch(stages: stages, context: context) }
}

/// A device with branches above it.
public struct ForkedEnd<End: EndStage>: PipelineBody {
  let end: End
  let content: BranchContentKind

  public func open(in context: PipelineContext) throws(StageError) {
    var opener = StageOpener(context)
    try opener.open(OpenStage.joining(end, content))
  }
}

/// Opens stages, up to right ends, on the port.
@usableFromInline
struct JoinBranch<Unit: Traffic>: PortContinuation {
  let stages: [OpenStage]
  let context: PipelineContext

  @inlinable
  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) where P.Unit == Unit {
    // What is below is compiled as one; there is one dynamic call per burst to the first stage above.
    try open(on: AnyPort(port))
  }

  @usableFromInline
  func open(on port: consuming AnyPort<Unit>) throws(StageError) {
    var opener = StageOpener(context)
    try opener.open(stages[...], on: AnyStack.make(port), at: .any, in: nil)
  }
}
