/// What is wrong with a pipeline text, where, and what to do about it.
///
/// The one error of parsing and checking. A text has at most one: the first from the left.
public struct Diagnostic: Error, Hashable, Sendable {
  /// One sentence: what was wrong and what to do.
  public let message: String
  /// The place in the text.
  public let range: SourceRange
  /// A further line for the reader, such as how the stage is written; nil when the message says it all.
  public let help: String?

  /// Makes a diagnostic.
  ///
  /// - Parameters:
  ///   - message: One sentence, without a place and without a full stop.
  ///   - range: The place in the text.
  ///   - help: What else would help the reader.
  public init(_ message: String, at range: SourceRange, help: String? = nil) {
    self.message = message
    self.range = range
    self.help = help
  }
}

extension Diagnostic: CustomStringConvertible {
  /// The message alone. `render(source:name:)` shows the place as well.
  public var description: String { message }
}
