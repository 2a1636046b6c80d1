internal import CleanQ

/// Opens stages one after the other, with one dynamic call per burst between them, and the branches above them.
struct StageOpener {
  let context: PipelineContext
  /// Where the loops run, in the order in which they were begun.
  private(set) var placements: [Placement] = []

  init(_ context: PipelineContext) { self.context = context }

  /// Opens a whole pipeline.
  mutating func open(_ stages: [OpenStage]) throws(StageError) {
    guard let first = stages.first else { throw StageError("pipeline", "has no stages") }
    guard let bottom = first.description as? any EndStage else { throw Self.misplaced(first) }
    placements.append(first.placement ?? .any)
    begin(first)
    let stack = try bottom.openBottom(in: context)
    if !first.branches.isEmpty { return try fork(first, on: stack, at: first.placement ?? .any) }
    try open(stages.dropFirst(), on: stack, at: first.placement ?? .any, in: nil)
  }

  /// Opens stages up to a right end.
  ///
  /// - Parameters:
  ///   - placement: where what is below runs.
  ///   - box: the branch that the stages are in; nil below the first fork.
  mutating func open(
    _ stages: ArraySlice<OpenStage>, on stack: consuming AnyStack, at placement: Placement, in box: BranchBox?
  ) throws(StageError) {
    var stack = stack
    var placement = placement
    for (index, stage) in zip(stages.indices, stages) {
      // A mark for another CPU begins a new loop.
      if let other = stage.placement, other != placement {
        stack = try handOver(stack, in: box)
        placement = other
        placements.append(other)
      }
      if stage.description is Handoff {
        stack = try handOver(stack, in: box)
        placements.append(.any)
        continue
      }
      begin(stage)
      guard index == stages.endIndex - 1 else {
        stack = try put(stage, on: stack)
        continue
      }
      if stage.branches.isEmpty { return try end(stage, on: stack) }
      return try fork(stage, on: put(stage, on: stack), at: placement)
    }
    throw StageError("pipeline", "has no right end")
  }

  private func begin(_ stage: OpenStage) {
    context.noteStage(stage.label)
    context.onOpening(stage.name)
  }

  private func put(_ stage: OpenStage, on stack: consuming AnyStack) throws(StageError) -> AnyStack {
    if let layer = stage.description as? any LayerStage {
      guard let result = try layer.put(on: stack, in: context) else { throw Self.misplaced(stage) }
      return result
    }
    guard let through = stage.description as? any PassThroughStage else { throw Self.misplaced(stage) }
    return try through.put(on: stack, in: context)
  }

  private func end(_ stage: OpenStage, on stack: consuming AnyStack) throws(StageError) {
    if let sink = stage.description as? any SinkStage { return try sink.openTop(on: stack, in: context) }
    guard let end = stage.description as? any EndStage, try end.openTop(on: stack, in: context) else {
      throw Self.misplaced(stage)
    }
  }

  /// The checker lets no such stage through; a third party's description may say one shape and be another.
  private static func misplaced(_ stage: OpenStage) -> StageError {
    StageError(stage.name, "cannot stand here: its description does not do what its shape says")
  }

  // MARK: Other threads

  /// Ends a loop, and begins the next, with an interlink between them.
  private func handOver(_ stack: consuming AnyStack, in box: BranchBox?) throws(StageError) -> AnyStack {
    guard let box else { return try Handoff().put(on: stack, in: context) }
    switch consume stack {
    case .frames(let port): return .frames(try handOver(port, in: box))
    case .packets(let port): return .packets(try handOver(port, in: box))
    case .datagrams(let port): return .datagrams(try handOver(port, in: box))
    }
  }

  /// The same in a branch, where the memory is below: the interlink is registered from there.
  private func handOver<Unit: Traffic>(
    _ lower: consuming AnyPort<Unit>, in box: BranchBox
  ) throws(StageError) -> AnyPort<Unit> {
    var pair: RingPort<Unit>.Pair
    do { pair = try RingPort<Unit>.pair(slotCount: Handoff.slotCount) } catch { throw StageError("handoff", error) }
    pair.second.link = lower.capabilities.link
    let isFirst = context.branch != nil
    context.add(lower, AnyPort(pair.first))
    if isFirst { context.beginHandedOver(box) }
    return AnyPort(FarEndPort(on: pair.second))
  }

  // MARK: Forks

  /// Opens the branches above a stage, and joins the fork to what is below.
  private mutating func fork(
    _ stage: OpenStage, on stack: consuming AnyStack, at placement: Placement
  ) throws(StageError) {
    switch consume stack {
    case .frames(let port):
      let fork = try open(stage, of: Frame.self, port.capabilities.link, at: placement)
      context.add(port, fork)
    case .packets(let port):
      let fork = try open(stage, of: Packet.self, port.capabilities.link, at: placement)
      context.add(port, fork)
    case .datagrams(let port):
      let fork = try open(stage, of: Datagram.self, port.capabilities.link, at: placement)
      context.add(port, fork)
    }
  }

  /// Opens the branches above a stage.
  ///
  /// - Parameter link: of the port below.
  /// - Returns: the fork, as the right end of a loop.
  mutating func open<Unit: Traffic>(
    _ stage: OpenStage, of unit: Unit.Type, _ link: PortCapabilities.Link, at placement: Placement
  ) throws(StageError) -> AnyPort<Unit> {
    let plan = try Self.plan(stage)
    var boxes: [BranchBox] = []
    for branch in stage.branches {
      let box = BranchBox(
        name: branch.first?.label.path ?? "branch", share: branch.first?.share, stage: context.stageNumber,
        link: link)
      let bottom = AnyStack.make(AnyPort<Unit>(BranchPort<Unit>(box)))
      try open(branch, in: box, on: bottom, at: placement)
      boxes.append(box)
    }
    let parts = ForkBranches(boxes, keys: plan.keys, keyCount: plan.selector.keyCount)
    for (index, branch) in stage.branches.enumerated() {
      do throws(ClaimError) {
        try ForkPlan.claimingStage(of: branch.map(\.description))?.stage.didOpen(BranchClaims(parts.claims, index))
      } catch { throw StageError(stage.name, "\(error)") }
    }
    guard let fork = Self.fork(plan.selector, parts).port(of: Unit.self) else {
      throw StageError(stage.name, "has branches that claim another kind of traffic than it gives")
    }
    return fork
  }

  private mutating func open(
    _ branch: [OpenStage], in box: BranchBox, on bottom: consuming AnyStack, at placement: Placement
  ) throws(StageError) {
    let outer = context.beginBranch(box)
    try open(branch[...], on: bottom, at: placement, in: box)
    context.endBranch(box, outer)
  }

  private static func plan(_ stage: OpenStage) throws(StageError) -> ForkPlan {
    let claiming = stage.branches.map { ForkPlan.claimingStage(of: $0.map(\.description))?.stage }
    do throws(ForkPlan.Problem) { return try ForkPlan(claiming) } catch {
      let problem =
        switch error {
        case .claimsNothing(let branch): "branch \(branch + 1) does not say which packets are its own"
        case .claimedTwice(let branch, let other, let claim):
          "\(claim) is claimed twice: by branch \(other + 1) and by branch \(branch + 1); take one out"
        case .otherKind(let branch): "branch \(branch + 1) claims another kind of traffic than those before it"
        case .tooMany: "has more than \(ForkBranches.maximumCount) branches; take some out"
        }
      throw StageError(stage.name, problem)
    }
  }

  private static func fork<Selector: ForkSelector>(_ selector: Selector.Type, _ parts: ForkBranches) -> AnyStack {
    .make(Selector.fork(parts))
  }
}
