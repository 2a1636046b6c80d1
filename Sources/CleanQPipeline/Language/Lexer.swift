/// Cuts pipeline text into tokens, one at a time.
///
/// The one thing it knows of grammar is whether it is in brackets, since `@` and `#` are ordinary there, and whether an argument begins,
/// since only there a word with a colon is a key.
struct Lexer {
  private let bytes: [UInt8]
  private var offset = 0
  private var isInBrackets = false
  private var isAtArgument = false
  /// A comment was skipped in the brackets that are open; it may have been meant as a value.
  private(set) var hasCommentInBrackets = false

  /// Takes the text, past a byte order mark.
  init(_ text: String) {
    bytes = Array(text.utf8)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
  }

  private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  /// The next token; `.end` for ever after the last.
  ///
  /// - Throws: An unterminated string, an unknown escape, a character that cannot stand in a word.
  /// - Complexity: O(*n*) in the length of the token and the space before it.
  mutating func next() throws(Diagnostic) -> Token {
    skipSpaceAndComments()
    let start = offset
    let wasAtArgument = isAtArgument
    isAtArgument = false
    switch byte {
    case nil: return Token(kind: .end, range: SourceRange(start, start))
    case UInt8(ascii: "("):
      isInBrackets = true
      isAtArgument = true
      return single(.open)
    case UInt8(ascii: ")"):
      isInBrackets = false
      hasCommentInBrackets = false
      return single(.close)
    case UInt8(ascii: ","):
      isAtArgument = true
      return single(.comma)
    case UInt8(ascii: "|"): return single(.bar)
    case UInt8(ascii: "{") where !isInBrackets: return single(.openBlock)
    case UInt8(ascii: "}") where !isInBrackets: return single(.closeBlock)
    case UInt8(ascii: ";") where !isInBrackets: return single(.semicolon)
    case UInt8(ascii: "\""): return try string()
    case UInt8(ascii: "@") where !isInBrackets:
      offset += 1
      var numbers = try bareText()
      // A comma belongs to the mark only where a digit follows at once.
      while byte == UInt8(ascii: ","), offset + 1 < bytes.count, CharacterRules.isDigit(bytes[offset + 1]) {
        offset += 1
        numbers += "," + (try bareText())
      }
      return Token(kind: .mark(numbers), range: SourceRange(start, offset))
    default:
      if wasAtArgument, let key = key() { return key }
      let word = try bareText()
      return Token(kind: .word(word), range: SourceRange(start, offset))
    }
  }

  private mutating func single(_ kind: Token.Kind) -> Token {
    offset += 1
    return Token(kind: kind, range: SourceRange(offset - 1, offset))
  }

  private mutating func skipSpaceAndComments() {
    while let byte {
      if byte == UInt8(ascii: "#") {
        hasCommentInBrackets = isInBrackets
        offset = bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      } else if CharacterRules.isSpace(byte) {
        offset += 1
      } else {
        return
      }
    }
  }

  private mutating func key() -> Token? {
    let start = offset
    let length = CharacterRules.identifierLength(bytes[start...])
    guard length > 0, start + length < bytes.count, bytes[start + length] == UInt8(ascii: ":") else { return nil }
    offset += length + 1
    return Token(kind: .key(text(start..<start + length)), range: SourceRange(start, offset))
  }

  private mutating func bareText() throws(Diagnostic) -> String {
    let start = offset
    if let byte, let name = CharacterRules.otherQuote(byte) {
      throw Diagnostic(
        "\(name) does not quote here; put text in double quotes, as in \"udp port 7\"",
        at: SourceRange(start, start + 1))
    }
    while let byte, CharacterRules.isBare(byte, inBrackets: isInBrackets) { offset += 1 }
    let word = text(start..<offset)
    var place = start
    for scalar in word.unicodeScalars {
      let end = place + scalar.utf8.count
      if let diagnostic = CharacterRules.diagnostic(aboutBare: scalar) {
        throw Diagnostic("the character \(Prose.codePoint(scalar)) \(diagnostic)", at: SourceRange(place, end))
      }
      place = end
    }
    return word
  }

  private mutating func string() throws(Diagnostic) -> Token {
    let start = offset
    var content: [UInt8] = []
    offset += 1
    while let byte {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return Token(
          kind: .string(String(decoding: content, as: UTF8.self)), range: SourceRange(start, offset))
      case UInt8(ascii: "\\"): content.append(try escape(inStringFrom: start))
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): throw unterminated(from: start)
      default:
        content.append(byte)
        offset += 1
      }
    }
    throw unterminated(from: start)
  }

  private func unterminated(from start: Int) -> Diagnostic {
    Diagnostic(
      "the quoted text is not closed on its line; put \" at its end", at: SourceRange(start, offset),
      help: "a newline in a quoted text is written \\n, a quote \\\", a backslash \\\\")
  }

  private mutating func escape(inStringFrom stringStart: Int) throws(Diagnostic) -> UInt8 {
    let start = offset
    offset += 1
    guard let escaped = byte, escaped != UInt8(ascii: "\n"), escaped != UInt8(ascii: "\r") else {
      throw unterminated(from: stringStart)
    }
    // The whole character is shown, not its first byte.
    repeat { offset += 1 } while (byte ?? 0) & 0xC0 == 0x80
    switch escaped {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): return escaped
    case UInt8(ascii: "n"): return UInt8(ascii: "\n")
    default:
      throw Diagnostic(
        "\(text(start..<offset)) is not an escape; write \\\\ for a backslash, \\\" for a quote, \\n for a newline",
        at: SourceRange(start, offset))
    }
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: bytes[range], as: UTF8.self)
  }
}
