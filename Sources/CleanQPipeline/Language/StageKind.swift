public import CleanQ

/// A kind of stage: what its text looks like and what it stands for.
public struct StageKind: Sendable {
  /// The name in pipelines: an identifier.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// Every shape that a stage of this kind can have, the common one first. Help is looked for among these.
  public let shapes: [StageShape]
  /// What arguments it takes, positional ones in order.
  public let parameters: [Parameter]
  /// Whole pipelines that use it.
  public let examples: [String]
  /// What else a user should know; empty when nothing.
  public let notes: String
  /// What the numbers in its report mean: every drop reason, counter and gauge that it can have.
  public let counts: [CountDescription]
  /// What traffic a stage of this kind tells apart, so that it can begin a branch; nil where it cannot.
  public let claims: TrafficKind?
  /// Makes the stage's description from checked arguments. Opens nothing.
  public let make: @Sendable (Arguments) throws(ArgumentError) -> any StageDescription

  /// Describes a kind of stage.
  ///
  /// - Parameters:
  ///   - name: The name in pipelines.
  ///   - summary: One line on what it does.
  ///   - shapes: Every shape that `make` can give, the common one first.
  ///   - parameters: What arguments it takes, positional ones in order.
  ///   - examples: Whole pipelines that use it.
  ///   - notes: What else a user should know.
  ///   - counts: What the numbers in its report mean.
  ///   - claims: What traffic it tells apart where it begins a branch; its description is a ``ClaimingStage`` then.
  ///   - make: Makes the description; complains when arguments do not go together.
  /// - Precondition: The name is an identifier, there is a shape, and no two parameters or counts have one name.
  public init(
    name: String, summary: String, shapes: [StageShape], parameters: [Parameter] = [], examples: [String] = [],
    notes: String = "", counts: [CountDescription] = [], claims: TrafficKind? = nil,
    make: @escaping @Sendable (Arguments) throws(ArgumentError) -> any StageDescription
  ) {
    precondition(CharacterRules.isIdentifier(name), "the stage name \"\(name)\" is not an identifier")
    precondition(!shapes.isEmpty, "\"\(name)\" has no shape")
    precondition(Set(parameters.map(\.name)).count == parameters.count, "\"\(name)\" has two parameters of one name")
    precondition(Set(counts.map(\.name)).count == counts.count, "\"\(name)\" has two counts of one name")
    self.name = name
    self.summary = summary
    self.shapes = shapes
    self.parameters = parameters
    self.examples = examples
    self.notes = notes
    self.counts = counts
    self.claims = claims
    self.make = make
  }
}

extension StageKind {
  /// The description that the arguments stand for, with a diagnostic turned into a diagnostic in its place.
  ///
  /// - Precondition: The shape is one of `shapes`; a diagnostic names a parameter of the stage.
  func describe(_ arguments: Arguments, call: StageCall) throws(Diagnostic) -> any StageDescription {
    let description: any StageDescription
    do throws(ArgumentError) {
      description = try make(arguments)
    } catch {
      throw diagnostic(for: error, arguments: arguments, call: call)
    }
    precondition(shapes.contains(description.shape), "\"\(name)\" has a shape that its kind does not list")
    return description
  }

  private func diagnostic(for diagnostic: ArgumentError, arguments: Arguments, call: StageCall) -> Diagnostic {
    let problem = diagnostic.problem
    guard let parameter = diagnostic.parameter else {
      return Diagnostic("\(Prose.quoted(name)): \(problem)", at: call.nameRange)
    }
    let entry = arguments.entry(parameter)
    let range = entry.ranges.indices.contains(diagnostic.index) ? entry.ranges[diagnostic.index] : nil
    // The value of a flag says nothing.
    guard let range, !entry.parameter.type.isFlag else {
      return Diagnostic(
        "\(Prose.quoted(parameter)) of \(Prose.quoted(name)): \(problem)", at: range ?? call.nameRange)
    }
    return self.diagnostic(problem, about: parameter, value: entry.values[diagnostic.index].text, at: range)
  }

  func diagnostic(_ problem: String, about parameter: String, value: String, at range: SourceRange) -> Diagnostic {
    Diagnostic("bad \(parameter) \(Prose.quoted(value)) for \(Prose.quoted(name)): \(problem)", at: range)
  }
}

extension StageKind {
  /// What all numbers in a report of the stage mean, those that a fork adds among them.
  public var allCounts: [CountDescription] {
    let canBeBelowBlock = shapes.contains { $0 == .passThrough || $0.trafficAtLeftEnd != nil || $0.isLayer }
    let canBeginBranch = claims != nil || shapes.contains(.passThrough)
    let below: [CountDescription] = [
      .drop("unclaimed", "packet that no branch above the stage claims; take a branch out, or add one")
    ]
    let above: [CountDescription] = [
      .drop(
        "share-used-up", "packet for a branch that had its share of the buffers; it is slower than its packets come"),
      .drop(
        "branch-full", "packet for a branch that has not taken those before it; it is slower than its packets come"),
      .gauge("lent", "buffers that the branch has which begins with the stage"),
      .gauge("share", "the most buffers that the branch may have; share: sets it"),
    ]
    return counts + (canBeBelowBlock ? below : []) + (canBeginBranch ? above : [])
  }
}

extension StageShape {
  fileprivate var isLayer: Bool {
    if case .layer = self { true } else { false }
  }
}
