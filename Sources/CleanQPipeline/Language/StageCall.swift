/// One stage as it was written: a name, arguments, a CPU mark. Nothing about it has been checked against a catalogue.
public struct StageCall: Hashable, Sendable {
  /// An argument as it was written.
  public struct Argument: Hashable, Sendable {
    /// The identifier before the colon; nil for a positional argument.
    public let key: String?
    /// The place of the key with its colon.
    public let keyRange: SourceRange?
    /// The value, with quotes taken off and escapes resolved.
    public let value: String
    /// The place of the value with its quotes.
    public let valueRange: SourceRange
    /// Whether the value stood in quotes; a quoted word is never a flag.
    public let isQuoted: Bool

    /// The place of the whole argument.
    public var range: SourceRange { keyRange?.through(valueRange) ?? valueRange }
  }

  /// A CPU mark as it was written.
  public struct CPUMark: Hashable, Sendable {
    /// The CPUs' numbers, at least one.
    public let numbers: [Int]
    /// The place of each number; of a single one, with its `@`.
    public let places: [SourceRange]
    /// The place of the whole mark.
    public let range: SourceRange

    /// Lists several CPUs, each of which gets an instance of the pipeline.
    public var isList: Bool { numbers.count > 1 }
  }

  /// The stage's name.
  public let name: String
  /// The place of the name.
  public let nameRange: SourceRange
  /// The arguments in the order in which they were written.
  public let arguments: [Argument]
  /// The CPU mark, if there is one.
  public let cpu: CPUMark?
  /// The place of the whole stage.
  public let range: SourceRange
}
