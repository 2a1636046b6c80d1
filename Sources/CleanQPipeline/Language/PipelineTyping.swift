internal import CleanQ

/// Checks that stages can stand where they do and that the traffic of each fits its neighbours, in branches too.
struct PipelineTyping {
  let stages: [CheckedStage]
  let catalog: StageCatalog
  /// The stage below the block that the stages are a branch of, and what it gives; nil below the first block.
  private var below: (stage: CheckedStage, traffic: TrafficKind)?

  init(stages: [CheckedStage], catalog: StageCatalog) {
    self.stages = stages
    self.catalog = catalog
  }

  /// Checks from left to right.
  ///
  /// - Throws: A stage that cannot stand in its place, or that takes other traffic than its left neighbour gives.
  /// - Complexity: O(*s*) in the number of stages.
  func check() throws(Diagnostic) {
    // The parser gives at least one stage.
    guard let first = stages.first, let last = stages.last else { return }
    var traffic: TrafficKind
    if let below {
      traffic = below.traffic
    } else {
      guard let bottom = first.description.shape.trafficAtLeftEnd else { throw notLeftEnd(first) }
      guard stages.count > 1 || !first.branches.isEmpty else { throw alone(first) }
      traffic = bottom
    }
    let middle = below == nil ? stages.indices.dropFirst() : stages.indices[...]
    for index in last.branches.isEmpty ? middle.dropLast() : middle {
      try checkMiddle(index)
      traffic = try self.traffic(through: index, from: traffic)
    }
    guard last.branches.isEmpty else { return try check(branchesOf: last, traffic) }
    guard last.description.shape.isRightEnd else {
      // A layer that does not fit is wrong wherever it stands.
      _ = try self.traffic(through: stages.count - 1, from: traffic)
      throw notRightEnd(last)
    }
    if case .end(let wanted, _) = last.description.shape, wanted != traffic {
      throw mismatch(at: stages.count - 1, wanted: wanted, given: traffic)
    }
  }

  private func check(branchesOf stage: CheckedStage, _ traffic: TrafficKind) throws(Diagnostic) {
    for branch in stage.branches {
      var typing = PipelineTyping(stages: branch, catalog: catalog)
      typing.below = (stage, traffic)
      for stage in branch where stage.description is Checked {
        throw Diagnostic(
          "\(Prose.quoted(stage.kind.name)) cannot stand in a branch yet; put it below the block", at: stage.call.range)
      }
      try typing.check()
    }
  }

  /// What the last of some stages gives to the branches above it; nil where they let everything through.
  static func trafficAbove(_ stages: [CheckedStage]) -> TrafficKind? {
    for stage in stages.reversed() {
      switch stage.description.shape {
      case .layer(_, let above): return above
      case .end(let traffic, _): return traffic
      case .loop: return .frame
      case .passThrough, .sink: continue
      }
    }
    return nil
  }

  /// What the stage gives to its right when `given` comes from its left.
  private func traffic(through index: Int, from given: TrafficKind) throws(Diagnostic) -> TrafficKind {
    guard case .layer(let below, let above) = stages[index].description.shape else { return given }
    guard below == given else { throw mismatch(at: index, wanted: below, given: given) }
    return above
  }

  private func checkMiddle(_ index: Int) throws(Diagnostic) {
    let stage = stages[index]
    let name = Prose.quoted(stage.kind.name)
    let problem: String
    switch stage.description.shape {
    case .layer, .passThrough: return
    case .end(_, let right):
      let place = right ? "an end" : "the left end"
      problem = "\(name) stands at \(place) of a pipeline, not in the middle; move it there, or make two pipelines"
    case .loop: problem = "\(name) stands at an end of a pipeline, not in the middle; move it there"
    case .sink where !stage.branches.isEmpty:
      problem = "nothing comes out of \(name) for a block to take; take the block out"
    case .sink:
      let right = Prose.quoted(stages[index + 1].kind.name)
      problem = "nothing comes out of \(name) for \(right) to take; move \(name) to the right end"
    }
    throw Diagnostic(
      problem, at: stage.call.range, help: otherForm(of: stage, at: { $0 > 0 && $0 < $1 - 1 }, where: \.isInnerStage))
  }

  private func notLeftEnd(_ stage: CheckedStage) -> Diagnostic {
    let name = Prose.quoted(stage.kind.name)
    let ends = catalog.names { $0.trafficAtLeftEnd != nil }
    let help = otherForm(of: stage, at: { index, _ in index == 0 }) { $0.trafficAtLeftEnd != nil }
    return Diagnostic("nothing stands below \(name); begin the pipeline with \(ends)", at: stage.call.range, help: help)
  }

  private func alone(_ stage: CheckedStage) -> Diagnostic {
    let name = Prose.quoted(stage.kind.name)
    let sinks = catalog.names { $0 == .sink }
    return Diagnostic(
      "a pipeline has two stages or more; after \(name) put a | and \(sinks)", at: stage.call.range)
  }

  private func notRightEnd(_ stage: CheckedStage) -> Diagnostic {
    let name = Prose.quoted(stage.kind.name)
    let sinks = catalog.names { $0 == .sink }
    let help = otherForm(of: stage, at: { $0 == $1 - 1 }, where: \.isRightEnd)
    if case .end = stage.description.shape {
      return Diagnostic(
        "\(name) can stand at the left end only; end the \(self.below == nil ? "pipeline" : "branch") with \(sinks)",
        at: stage.call.range, help: help)
    }
    return Diagnostic(
      "nothing stands above \(name); end the \(self.below == nil ? "pipeline" : "branch") with \(sinks)",
      at: stage.call.range, help: help)
  }

  /// Says that with other arguments the stage would be in its place, and how, where one of its examples shows it.
  ///
  /// - Parameter index: where the stage stands in an example, and of how many.
  private func otherForm(
    of stage: CheckedStage, at isThere: (_ index: Int, _ count: Int) -> Bool, where fits: (StageShape) -> Bool
  ) -> String? {
    guard stage.kind.shapes.contains(where: fits) else { return nil }
    let example = stage.kind.examples.first { example in
      let names = ((try? PipelineText.parse(example)) ?? []).map(\.name)
      return names.indices.contains { names[$0] == stage.kind.name && isThere($0, names.count) }
    }
    return "with other arguments it can stand there: \(example ?? stage.kind.signature)"
  }

  private func mismatch(at index: Int, wanted: TrafficKind, given: TrafficKind) -> Diagnostic {
    let stage = stages[index]
    let name = Prose.quoted(stage.kind.name)
    let left = Prose.quoted(index > 0 ? stages[index - 1].kind.name : below?.stage.kind.name ?? "")
    let remedy: String
    if let layers = catalog.layers(from: given, to: wanted) {
      remedy = "put \(layers) between them"
    } else if let layers = layersToTakeOut(before: index, until: wanted) {
      remedy = "take out \(layers)"
    } else {
      let isLast = index == stages.count - 1
      let sinks = catalog.names { $0 == .sink }
      remedy = isLast ? "end the pipeline with \(sinks)" : "take out \(name)"
    }
    return Diagnostic(
      "\(name) takes \(wanted), but \(left) \(index > 0 ? "to its left" : "below it") gives \(given); \(remedy)",
      at: stage.call.range)
  }

  /// The layers left of a stage without which the traffic would be the wanted one.
  private func layersToTakeOut(before index: Int, until wanted: TrafficKind) -> String? {
    var names: [String] = []
    for stage in stages[..<index].reversed() {
      guard case .layer(let below, _) = stage.description.shape else { continue }
      names.insert(Prose.quoted(stage.kind.name), at: 0)
      if below == wanted { return Prose.list(names, "and") }
    }
    return nil
  }
}

extension StageShape {
  /// Can stand between two others.
  fileprivate var isInnerStage: Bool {
    switch self {
    case .layer, .passThrough: true
    case .end, .sink, .loop: false
    }
  }
}
