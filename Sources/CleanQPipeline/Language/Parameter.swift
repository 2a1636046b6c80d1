/// One argument that a stage takes.
public struct Parameter: Sendable {
  /// The key: an identifier.
  public let name: String
  /// What values it takes.
  public let type: ParameterType
  /// Must be given.
  public let isRequired: Bool
  /// The value when it is not given, as text.
  public let defaultText: String?
  /// May be given several times; as the last of the positional ones, it takes all that are left.
  public let isRepeatable: Bool
  /// Is never filled by position.
  public let isKeyOnly: Bool
  /// One line on what it does.
  public let summary: String

  /// Describes a parameter.
  ///
  /// - Parameters:
  ///   - name: The key.
  ///   - type: What values it takes.
  ///   - required: Must be given.
  ///   - default: The value when it is not given, as text.
  ///   - repeatable: May be given several times.
  ///   - keyOnly: Is never filled by position. A flag never is.
  ///   - summary: One line on what it does.
  /// - Precondition: The name is an identifier; the default is a value of the type; a required parameter and a flag have no default; a flag
  ///   is neither required nor repeatable.
  public init(
    _ name: String, _ type: ParameterType, required: Bool = false, default: String? = nil, repeatable: Bool = false,
    keyOnly: Bool = false, _ summary: String
  ) {
    precondition(CharacterRules.isIdentifier(name), "the parameter name \"\(name)\" is not an identifier")
    precondition(!required || `default` == nil, "\"\(name)\" is required, so that its default is never used")
    precondition(
      !type.isFlag || (!required && !repeatable && `default` == nil),
      "\"\(name)\" is a flag: not required, not repeatable, off by default; use a boolean")
    if let text = `default`, case .diagnostic(let problem) = type.read(text) {
      preconditionFailure("the default of \"\(name)\" is none: \(problem)")
    }
    self.name = name
    self.type = type
    isRequired = required
    defaultText = `default`
    isRepeatable = repeatable
    isKeyOnly = keyOnly
    self.summary = summary
  }

  /// Can be filled by position.
  var isPositional: Bool { !isKeyOnly && !type.isFlag }
}
