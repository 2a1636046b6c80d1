public import CleanQ

/// How a loop ends whose left port is exhausted: the end of a source is the last thing that it passes on.
///
/// First nothing new is taken: it may be a stage above the source that has come to its end, with packets left below.
/// In front of another loop of the same pipeline, the end goes to that one, behind all packets, and the loop goes on: buffers and
/// packets still come back. The last loop ends the pipeline when its right port has taken every packet.
@usableFromInline
struct LoopEnd {
  /// What the loop is to do.
  @usableFromInline
  enum Step {
    case goOn
    /// Tell the left port to take nothing new; what it has goes on.
    case quiesce
    /// Tell the right port that nothing more comes.
    case passOn
    /// End the pipeline.
    case stop
  }

  /// How long the right port of the last loop may take nothing, until the pipeline ends all the same.
  private static let patienceMilliseconds: UInt64 = 700

  private let isLast: Bool
  private var last = Step.goOn
  /// When the loop has to be asked again at the latest.
  @usableFromInline private(set) var deadline = MonotonicTime.never

  /// - Parameter isLast: whether no other loop comes behind this one.
  @usableFromInline
  init(isLast: Bool) { self.isLast = isLast }

  /// To be asked after each turn that finds the left port exhausted.
  ///
  /// - Parameters:
  ///   - hasMoved: whether that turn moved anything.
  ///   - isEmpty: whether the right port has taken every packet.
  @usableFromInline
  mutating func next(hasMoved: Bool, isEmpty: Bool, at now: MonotonicTime) -> Step {
    switch last {
    case .goOn: last = .quiesce
    case .quiesce where isLast ? isEmpty || now >= deadline : isEmpty && !hasMoved: last = isLast ? .stop : .passOn
    default:
      if hasMoved { extend(from: now) }
      return .goOn
    }
    extend(from: now)
    return last
  }

  private mutating func extend(from now: MonotonicTime) {
    if isLast { deadline = now.advanced(byMilliseconds: Self.patienceMilliseconds) }
  }
}
