/// Words for messages: quotation, lists, and keeping control characters out.
package enum Prose {
  private static let maximumQuotedCount = 48

  /// The text in double quotes, on one line, shortened when it is very long.
  static func quoted(_ text: String) -> String {
    let isLong = text.count > maximumQuotedCount
    return CanonicalText.quoted(isLong ? text.prefix(maximumQuotedCount - 1) + "…" : text)
  }

  /// `a`, `a or b`, `a, b or c`.
  package static func list(_ words: [String], _ conjunction: String) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " \(conjunction) " + last
  }

  /// The text with each character that could steer a terminal replaced.
  static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: CharacterRules.isControl) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { result.append(CharacterRules.isControl(scalar) ? "\u{FFFD}" : scalar) }
    return String(result)
  }

  /// Spells a character out that cannot be shown: `U+202E`.
  static func codePoint(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
