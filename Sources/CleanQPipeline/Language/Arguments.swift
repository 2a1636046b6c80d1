/// The checked arguments of a stage.
///
/// Each getter names a parameter that the stage has, of the type that it says; anything else is a mistake in the stage and traps.
public struct Arguments: Sendable {
  /// What one parameter was given.
  struct Entry: Sendable {
    var parameter: Parameter
    /// The given values, or else the default.
    var values: [ParameterType.Value] = []
    /// Where they stand; empty when none was given.
    var ranges: [SourceRange] = []
  }

  /// In the order of the stage's parameters.
  let entries: [Entry]

  /// The value of a word, path, choice or custom parameter; nil when it was not given and has no default.
  ///
  /// - Complexity: O(*p*) in the number of parameters.
  public func text(_ name: String) -> String? {
    single(name).map(Self.text)
  }

  /// All values of a word, path, choice or custom parameter.
  ///
  /// - Complexity: O(*p* + *n*) in the numbers of parameters and values.
  public func texts(_ name: String) -> [String] {
    entry(name).values.map(Self.text)
  }

  /// The value of an integer parameter; nil when it was not given and has no default.
  ///
  /// - Complexity: O(*p*) in the number of parameters.
  public func integer(_ name: String) -> Int? {
    single(name).map(Self.integer)
  }

  /// All values of an integer parameter, in the order in which they were written.
  ///
  /// - Complexity: O(*p* + *n*) in the numbers of parameters and values.
  public func integers(_ name: String) -> [Int] {
    entry(name).values.map(Self.integer)
  }

  /// The value of a boolean parameter; nil when it was not given and has no default.
  ///
  /// - Complexity: O(*p*) in the number of parameters.
  public func boolean(_ name: String) -> Bool? {
    single(name).map(Self.boolean)
  }

  /// Whether a flag was given.
  ///
  /// - Complexity: O(*p*) in the number of parameters.
  public func flag(_ name: String) -> Bool {
    let entry = entry(name)
    precondition(entry.parameter.type.isFlag, "\"\(name)\" is not a flag")
    return entry.values.first.map(Self.boolean) ?? false
  }

  func entry(_ name: String) -> Entry {
    guard let entry = entries.first(where: { $0.parameter.name == name }) else {
      preconditionFailure("the stage has no parameter \"\(name)\"")
    }
    return entry
  }

  private func single(_ name: String) -> ParameterType.Value? {
    let entry = entry(name)
    precondition(!entry.parameter.isRepeatable, "\"\(name)\" can have several values; ask for all of them")
    return entry.values.first
  }

  private static func text(_ value: ParameterType.Value) -> String {
    guard case .text(let text) = value else { preconditionFailure("the parameter's values are not texts") }
    return text
  }

  private static func integer(_ value: ParameterType.Value) -> Int {
    guard case .integer(let number) = value else { preconditionFailure("the parameter's values are not integers") }
    return number
  }

  private static func boolean(_ value: ParameterType.Value) -> Bool {
    guard case .boolean(let flag) = value else { preconditionFailure("the parameter's values are not booleans") }
    return flag
  }
}
