/// What values a parameter takes.
///
/// A *placeholder* stands for the value in signatures, such as `NAME` or `ADDRESS/PREFIX`.
public enum ParameterType: Sendable {
  /// Any text.
  case word(placeholder: String)
  /// A path in the file system; not empty.
  case path
  /// A decimal number in a range; `unit` is a word for messages, such as `bytes`.
  case integer(ClosedRange<Int>, placeholder: String = "NUMBER", unit: String = "")
  /// `yes`, `no`, `true` or `false`.
  case boolean
  /// The parameter's own name as a bare word, or `name: yes`.
  case flag
  /// One of several words.
  case choice([String])
  /// Text with a form of its own. The closure returns what is wrong and what to do, as it reads after a colon, or nil when nothing is.
  case custom(placeholder: String, validate: @Sendable (String) -> String?)
}

extension ParameterType {
  /// What stands for a value in signatures.
  public var placeholder: String {
    switch self {
    case .word(let placeholder), .integer(_, let placeholder, _), .custom(let placeholder, _): placeholder
    case .path: "PATH"
    case .boolean, .flag: "yes|no"
    case .choice(let words): words.joined(separator: "|")
    }
  }

  var isFlag: Bool {
    if case .flag = self { true } else { false }
  }

  /// Reads a value.
  ///
  /// - Returns: The value, or what is wrong with the text, as it reads after a colon.
  /// - Complexity: O(*n*), without what a custom type's check takes.
  func read(_ text: String) -> Reading {
    switch self {
    case .word: return .value(.text(text))
    case .path: return text.isEmpty ? .diagnostic("a path cannot be empty") : .value(.text(text))
    case .integer(let range, _, let unit): return Self.readInteger(text, range: range, unit: unit)
    case .boolean, .flag:
      switch text {
      case "yes", "true": return .value(.boolean(true))
      case "no", "false": return .value(.boolean(false))
      default:
        let words = ["yes", "no", "true", "false"]
        return .diagnostic(Spelling.suggestion(for: text, among: words, otherwise: "write yes or no"))
      }
    case .choice(let words):
      if words.contains(text) { return .value(.text(text)) }
      let all = "write " + Prose.list(words, "or")
      return .diagnostic(Spelling.suggestion(for: text, among: words, otherwise: all))
    case .custom(_, let validate):
      return validate(text).map { .diagnostic($0) } ?? .value(.text(text))
    }
  }

  private static func readInteger(_ text: String, range: ClosedRange<Int>, unit: String) -> Reading {
    let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
    let isNumber = !digits.isEmpty && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    if isNumber, let number = Int(text), range.contains(number) { return .value(.integer(number)) }
    let noun = isNumber ? "a number" : "a decimal number"
    let low = range.lowerBound
    // Who writes a number that is too large wants to know what is not.
    let isOpen = range.upperBound == .max && !(isNumber && Int(text) == nil && text.utf8.first != UInt8(ascii: "-"))
    let bounds = isOpen ? "\(low) or more" : "from \(low) to \(range.upperBound)"
    return .diagnostic("write \(noun) \(unit.isEmpty ? "" : "of \(unit) ")\(bounds)")
  }
}

extension ParameterType {
  /// A value that has the type.
  enum Value: Hashable, Sendable {
    case text(String)
    case integer(Int)
    case boolean(Bool)
  }

  /// What reading a text gives.
  enum Reading: Hashable, Sendable {
    case value(Value)
    case diagnostic(String)
  }
}
