/// One piece of pipeline text.
struct Token: Equatable {
  enum Kind: Equatable {
    /// A bare word.
    case word(String)
    /// An identifier with a colon at the beginning of an argument; the colon is not part of the text.
    case key(String)
    /// A quoted string with its escapes resolved.
    case string(String)
    /// What follows an `@` outside brackets: a number, or several with commas between them.
    case mark(String)
    case open, close, comma, bar, end
    /// `{`, `}` and `;`, outside brackets.
    case openBlock, closeBlock, semicolon
  }

  var kind: Kind
  var range: SourceRange
}
