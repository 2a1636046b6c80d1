internal import CleanQ

extension StageCatalog {
  /// The fewest layers that turn one kind of traffic into another, as they are written.
  ///
  /// - Returns: `ip(ADDRESS/PREFIX)`, or several with `|` between them; nil when nothing does, or nothing need be done.
  /// - Complexity: O(*k*) in the number of kinds of stage.
  func layers(from start: TrafficKind, to goal: TrafficKind) -> String? {
    var paths: [TrafficKind: [String]] = [start: []]
    var frontier = [start]
    while !frontier.isEmpty && paths[goal] == nil {
      let traffic = frontier.removeFirst()
      for kind in kinds {
        for case .layer(let below, let above) in kind.shapes where below == traffic && paths[above] == nil {
          paths[above] = (paths[traffic] ?? []) + [kind.briefSignature]
          frontier.append(above)
        }
      }
    }
    guard let path = paths[goal], !path.isEmpty else { return nil }
    return path.joined(separator: " | ")
  }

  /// The names of the first few stages with this shape, as a list with "or".
  func names(_ hasShape: (StageShape) -> Bool) -> String {
    let names = kinds.filter { $0.shapes.contains(where: hasShape) }.map(\.name)
    return names.isEmpty ? "another stage" : Prose.list(Array(names.prefix(4)), "or")
  }
}
