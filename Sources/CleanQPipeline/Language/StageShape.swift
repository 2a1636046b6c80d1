public import CleanQ

/// Where in a pipeline a stage can stand, and what traffic it takes there.
public enum StageShape: Hashable, Sendable {
  /// Opens a port with traffic of a kind, at the left end, and at the right end too when `right`.
  case end(TrafficKind, right: Bool)
  /// Stands in the middle and turns one kind into another.
  case layer(below: TrafficKind, above: TrafficKind)
  /// Stands in the middle and passes on any traffic.
  case passThrough
  /// Stands at the right end and takes any traffic.
  case sink
  /// Stands at either end; at the left it gives frames, at the right it takes any traffic.
  case loop

  /// What the stage gives at the left end; nil when it cannot stand there.
  var trafficAtLeftEnd: TrafficKind? {
    switch self {
    case .end(let traffic, _): traffic
    case .loop: .frame
    case .layer, .passThrough, .sink: nil
    }
  }

  /// Can stand at the right end.
  var isRightEnd: Bool {
    switch self {
    case .end(_, let right): right
    case .sink, .loop: true
    case .layer, .passThrough: false
    }
  }
}
