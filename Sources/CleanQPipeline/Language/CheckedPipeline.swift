/// A pipeline that is right in every way that can be known without opening anything.
public struct CheckedPipeline: Sendable, CustomStringConvertible {
  /// The stages from left to right, at least two.
  public let stages: [CheckedStage]

  /// The CPUs of which each runs an instance of the whole pipeline; empty where there is one instance only.
  public var instanceCPUs: [Int] {
    guard let mark = stages.first?.call.cpu, mark.isList else { return [] }
    return mark.numbers
  }

  /// The pipeline in canonical form on one line. Parses to the same pipeline.
  ///
  /// - Complexity: O(*n*) in the length of the text.
  public var description: String {
    stages.map(\.text).joined(separator: " | ")
  }
}
