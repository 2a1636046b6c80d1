/// How values are written so that they parse to themselves.
enum CanonicalText {
  /// The text as a quoted string with `\"`, `\\` and `\n`.
  ///
  /// - Complexity: O(*n*).
  static func quoted(_ text: some StringProtocol) -> String {
    var result: String.UnicodeScalarView = "\"".unicodeScalars
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result.append(contentsOf: "\\\"".unicodeScalars)
      case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      default: result.append(scalar)
      }
    }
    result.append("\"")
    return String(result)
  }

  /// The text bare where it can be, else quoted.
  ///
  /// - Parameters:
  ///   - isPositional: No `key:` stands before it, so that it must not look like one itself.
  ///   - reserved: Words that mean something else when bare: the stage's flags.
  /// - Complexity: O(*n*).
  static func value(_ text: String, isPositional: Bool, reserved: [String] = []) -> String {
    let bytes = text.utf8
    let isBare =
      !bytes.isEmpty && bytes.first != UInt8(ascii: "#")
      && bytes.allSatisfy { CharacterRules.isBare($0, inBrackets: true) }
      && text.unicodeScalars.allSatisfy { CharacterRules.diagnostic(aboutBare: $0) == nil }
    guard isBare else { return quoted(text) }
    guard isPositional else { return text }
    let identifierLength = CharacterRules.identifierLength(bytes)
    let looksLikeKey = identifierLength > 0 && bytes.dropFirst(identifierLength).first == UInt8(ascii: ":")
    return looksLikeKey || reserved.contains(text) ? quoted(text) : text
  }
}
