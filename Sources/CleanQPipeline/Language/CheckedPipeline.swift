/// A pipeline that is right in every way that can be known without opening anything.
public struct CheckedPipeline: Sendable, CustomStringConvertible {
  /// The stages from left to right, up to the first block; at least two, or one with a block.
  public internal(set) var stages: [CheckedStage]

  /// All stages in the order of the text, those in blocks among them.
  public var allStages: [CheckedStage] { Self.all(stages) }

  private static func all(_ stages: [CheckedStage]) -> [CheckedStage] {
    stages.flatMap { [$0] + $0.branches.flatMap(all) }
  }

  /// The CPUs of which each runs an instance of the whole pipeline; empty where there is one instance only.
  public var instanceCPUs: [Int] {
    guard let mark = stages.first?.call.cpu, mark.isList else { return [] }
    return mark.numbers
  }

  /// The pipeline in canonical form on one line. Parses to the same pipeline.
  ///
  /// - Complexity: O(*n*) in the length of the text.
  public var description: String {
    Self.text(stages)
  }

  private static func text(_ stages: [CheckedStage]) -> String {
    stages.map { stage in
      guard !stage.branches.isEmpty else { return stage.text }
      return "\(stage.text) { \(stage.branches.map(text).joined(separator: "; ")) }"
    }.joined(separator: " | ")
  }
}
