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
  ///   - make: Makes the description; complains when arguments do not go together.
  /// - Precondition: The name is an identifier, there is a shape, and no two parameters or counts have one name.
  public init(
    name: String, summary: String, shapes: [StageShape], parameters: [Parameter] = [], examples: [String] = [],
    notes: String = "", counts: [CountDescription] = [],
    make: @escaping @Sendable (Arguments) throws(ArgumentError) -> any StageDescription
  ) {
    precondition(CharacterRules.isIdentifier(name), "the stage name \"\(name)\" is no identifier")
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
