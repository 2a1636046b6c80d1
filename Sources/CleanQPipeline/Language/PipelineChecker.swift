internal import CleanQ

/// Turns calls into stages: names, arguments and CPU marks first, then what each block claims, then what stands where.
struct PipelineChecker {
  let catalog: StageCatalog
  let cpuCount: Int
  private var first: CheckedStage?

  init(catalog: StageCatalog, cpuCount: Int) {
    self.catalog = catalog
    self.cpuCount = cpuCount
  }

  /// Checks a whole pipeline.
  ///
  /// - Throws: The first mistake: of names, arguments and CPU marks from left to right, then of stages and branches that do not fit.
  mutating func check(_ calls: [StageCall]) throws(Diagnostic) -> CheckedPipeline {
    let stages = try bind(calls, cpus: [], isBranch: false)
    try PipelineTyping(stages: stages, catalog: catalog).check()
    var pipeline = CheckedPipeline(stages: try Self.claim(stages, catalog))
    try PipelineInstances.check(pipeline.allStages)
    try StageResource.check(pipeline.allStages)
    try StagePaths.name(&pipeline)
    return pipeline
  }

  /// Gives the calls their meaning, whether or not they fit each other.
  ///
  /// - Parameter cpus: where what is below runs.
  private mutating func bind(
    _ calls: [StageCall], cpus: [Int], isBranch: Bool
  ) throws(Diagnostic) -> [CheckedStage] {
    var cpus = cpus
    var stages: [CheckedStage] = []
    for call in calls {
      let kind = try catalog.kind(of: call)
      let (share, rest) = try Self.share(of: call, kind, isFirst: isBranch && stages.isEmpty)
      var binder = ArgumentBinder(kind: kind, call: rest)
      let arguments = try binder.bind()
      let description = try kind.describe(arguments, call: call)
      if let mark = call.cpu {
        try PipelineText.check(mark, cpuCount: cpuCount)
        try PipelineInstances.check(mark, on: call, after: first)
        cpus = mark.numbers
      }
      var stage = CheckedStage(
        kind: kind, call: call, arguments: arguments, description: description, cpus: cpus, share: share)
      if first == nil { first = stage }
      for branch in call.block?.branches ?? [] {
        stage.branches.append(try bind(branch, cpus: cpus, isBranch: true))
      }
      stages.append(stage)
    }
    return stages
  }

  /// Takes the share of a branch from the arguments of its first stage.
  private static func share(
    of call: StageCall, _ kind: StageKind, isFirst: Bool
  ) throws(Diagnostic) -> (Int?, StageCall) {
    guard !kind.parameters.contains(where: { $0.name == "share" }),
      let argument = call.arguments.first(where: { $0.key == "share" })
    else { return (nil, call) }
    guard isFirst else {
      throw Diagnostic(
        "a share of the buffers belongs to a branch; write it at the first stage of one", at: argument.range)
    }
    guard let share = Int(argument.value), (1...65_536).contains(share) else {
      throw Diagnostic(
        "bad share \(Prose.quoted(argument.value)): write a number of buffers, 1 to 65536", at: argument.valueRange)
    }
    return (share, call.without(argument))
  }

  // MARK: Claims

  /// Finds out what the branches claim, from the topmost blocks down, and tells it to the stages below the blocks.
  private static func claim(_ stages: [CheckedStage], _ catalog: StageCatalog) throws(Diagnostic) -> [CheckedStage] {
    var stages = stages
    if let last = stages.last, !last.branches.isEmpty {
      var branches: [[CheckedStage]] = []
      for branch in last.branches { branches.append(try claim(branch, catalog)) }
      let traffic = PipelineTyping.trafficAbove(stages)
      stages[stages.count - 1].branches = branches
      tell(try claiming(last, branches, traffic, catalog), to: &stages)
    }
    for stage in stages {
      guard let missing = (stage.description as? any BlockReadingStage)?.missing else { continue }
      throw Diagnostic("\(Prose.quoted(stage.kind.name)) \(missing)", at: stage.call.nameRange)
    }
    return stages
  }

  /// Tells the stage below a block what is claimed there, also where others that let everything through are in between.
  private static func tell(_ branches: [any ClaimingStage], to stages: inout [CheckedStage]) {
    for index in stages.indices.reversed() {
      if let reading = stages[index].description as? any BlockReadingStage {
        stages[index].description = reading.reading(branches)
        return
      }
      guard case .passThrough = stages[index].description.shape else { return }
    }
  }

  /// The stages that claim for the branches of a block, one for each.
  private static func claiming(
    _ stage: CheckedStage, _ branches: [[CheckedStage]], _ traffic: TrafficKind?, _ catalog: StageCatalog
  ) throws(Diagnostic) -> [any ClaimingStage] {
    let found = branches.map { ForkPlan.claimingStage(of: $0.map(\.description)) }
    do throws(ForkPlan.Problem) {
      _ = try ForkPlan(found.map { $0?.stage })
      return found.compactMap { $0?.stage }
    } catch {
      func place(_ branch: Int) -> CheckedStage { branches[branch][found[branch]?.index ?? 0] }
      switch error {
      case .claimsNothing(let branch):
        let names = catalog.kinds.filter { $0.claims == traffic }.map(\.briefSignature)
        let remedy = names.isEmpty ? "take it out" : "begin it with \(Prose.list(names, "or"))"
        throw Diagnostic(
          "the branch of \(Prose.quoted(place(branch).kind.name)) does not say which \(traffic?.description ?? "packets") are its own; \(remedy)",
          at: place(branch).call.range)
      case .claimedTwice(let branch, let other, let claim):
        throw Diagnostic(
          "\(claim) is claimed twice, here and by \(Prose.quoted(place(other).text)); take one out",
          at: place(branch).call.range)
      case .otherKind(let branch):
        throw Diagnostic(
          "\(Prose.quoted(place(branch).kind.name)) tells packets apart in another way than the branches before it; take it out",
          at: place(branch).call.range)
      case .tooMany:
        throw Diagnostic(
          "more than \(ForkBranches.maximumCount) branches; make it two pipelines",
          at: stage.call.block?.range ?? stage.call.range)
      }
    }
  }
}

/// Gives each stage of a pipeline a path of its own.
///
/// Below the first fork a stage is called as its kind; above, after the path of the stage below the fork, comes what the branch claims:
/// `ip/udp:9`, and behind that the other stages of the branch: `ip/udp:9/count`. A name that the user gave is the whole path. Where two
/// would be the same the later one gets a number: `count-2`.
enum StagePaths {
  static func name(_ pipeline: inout CheckedPipeline) throws(Diagnostic) {
    var used: Set<String> = []
    for stage in pipeline.allStages {
      guard let alias = stage.call.alias else { continue }
      guard used.insert(alias.name).inserted else {
        throw Diagnostic("two stages are called \(Prose.quoted(alias.name)); rename one", at: alias.range)
      }
    }
    pipeline.stages = name(pipeline.stages, below: nil, &used)
  }

  private static func name(
    _ stages: [CheckedStage], below path: String?, _ used: inout Set<String>
  ) -> [CheckedStage] {
    var stages = stages
    let claiming = path == nil ? nil : ForkPlan.claimingStage(of: stages.map(\.description))
    let branch = path.map { path in
      guard let claiming else { return path }
      let label = claiming.stage.claimLabel
      let name = stages[claiming.index].kind.name + (label.isEmpty ? "" : ":" + label)
      return stages[claiming.index].call.alias?.name ?? "\(path)/\(name)"
    }
    for index in stages.indices {
      let name = stages[index].kind.name
      let full = index == claiming?.index ? branch ?? name : branch.map { "\($0)/\(name)" } ?? name
      stages[index].path = stages[index].call.alias?.name ?? unique(full, &used)
      stages[index].branches = stages[index].branches.map { self.name($0, below: stages[index].path, &used) }
    }
    return stages
  }

  /// The name, with a number where it is used already.
  static func unique(_ name: String, _ used: inout Set<String>) -> String {
    if used.insert(name).inserted { return name }
    var number = 2
    while !used.insert("\(name)-\(number)").inserted { number += 1 }
    return "\(name)-\(number)"
  }
}
