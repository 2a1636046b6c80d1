/// Which bytes and characters mean what in a pipeline text.
enum CharacterRules {
  /// Space, tab, newline, carriage return.
  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }

  /// The name of a quotation mark that quotes in shells and other languages, and not in this one. No word begins with it.
  static func otherQuote(_ byte: UInt8) -> String? {
    switch byte {
    case UInt8(ascii: "'"): "a single quote"
    case UInt8(ascii: "`"): "a backquote"
    default: nil
    }
  }

  /// `0` to `9`.
  static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  /// May stand in a bare word, whether in brackets or not.
  ///
  /// `@` and `#` may in brackets only: `pcap(a@b#1.pcap)`. Outside, a word is a stage's name or a CPU number, and neither holds one. A
  /// word never *begins* with `#`; the lexer takes that for a comment first.
  static func isBare(_ byte: UInt8, inBrackets: Bool) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "|"), UInt8(ascii: "\""): false
    case UInt8(ascii: "@"), UInt8(ascii: "#"): inBrackets
    default: !isSpace(byte)
    }
  }

  /// The length of the identifier `[a-zA-Z][a-zA-Z0-9-]*` that the bytes begin with; 0 when they begin with none.
  ///
  /// - Complexity: O(*n*) in the length of the identifier.
  static func identifierLength(_ bytes: some Sequence<UInt8>) -> Int {
    var length = 0
    for byte in bytes {
      let isLetter = (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
      guard isLetter || (length > 0 && (isDigit(byte) || byte == UInt8(ascii: "-"))) else { break }
      length += 1
    }
    return length
  }

  /// The whole text is one identifier.
  static func isIdentifier(_ text: String) -> Bool {
    !text.isEmpty && identifierLength(text.utf8) == text.utf8.count
  }

  /// Refused anywhere in a text: control characters, and those that turn the direction of writing so that a text reads as something else.
  static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F: true
    case 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// Why a character cannot stand in a bare word though its bytes may: it looks like nothing, like a space or like a quote.
  static func diagnostic(aboutBare scalar: Unicode.Scalar) -> String? {
    switch scalar.value {
    case 0..<0x80: nil
    case 0x2018...0x201F, 0xAB, 0xBB: "is a typographic quote; write \" instead"
    case 0x200B...0x200F, 0x2060...0x2064, 0xFEFF: "cannot be seen; delete it, or put the value in quotes"
    default: scalar.properties.isWhitespace ? "is not a plain space; write a plain space instead" : nil
    }
  }
}
