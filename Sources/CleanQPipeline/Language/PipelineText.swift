/// The text language of pipelines.
///
/// `tap(tap0)@0 | ip(10.0.0.2/24) | udp(7, 9)@1 | echo`: stages with `|` between them, each a name, arguments in brackets where it takes
/// any, and a CPU mark where a new thread begins. A mark on the first stage that lists CPUs, `vhost-user(/run/x.sock, queues: 2)@0,1 | …`,
/// runs an instance of the whole pipeline on each. An argument is positional or `key: value`; a value is a bare word or a quoted string
/// with `\"`, `\\` and `\n`. A bare word holds anything but white space and `, ( ) | "`, and does not begin with `#`. Space and newlines are
/// free; `#` at the beginning of a word, and anywhere outside brackets, begins a comment that ends with the line.
///
/// Any text gives a value or one `Diagnostic`; none traps.
public enum PipelineText {
  /// The longest text, in UTF-8 bytes.
  public static let maximumLengthBytes = 65_536
  /// The most stages in a pipeline.
  public static let maximumStageCount = 64
  /// The most arguments of a stage.
  public static let maximumArgumentCount = 64
  /// The largest CPU number that can be written.
  public static let maximumCPU = 65_535
  /// The most instances of a pipeline.
  public static let maximumInstanceCount = 16

  /// Parses a text without checking it against a catalogue.
  ///
  /// - Parameter text: The pipeline.
  /// - Returns: The stages from left to right, at least one.
  /// - Throws: The first mistake from the left; control characters and length come before all else.
  /// - Complexity: O(*n*) in the length of the text.
  public static func parse(_ text: String) throws(Diagnostic) -> [StageCall] {
    let length = text.utf8.count
    guard length <= maximumLengthBytes else { throw ParserDiagnostics.tooLong(lengthBytes: length) }
    try refuseControlCharacters(text)
    var parser = Parser(text)
    return try parser.parse()
  }

  /// Parses and type-checks a text. Opens nothing.
  ///
  /// - Parameters:
  ///   - text: The pipeline.
  ///   - catalog: The stages that there are.
  ///   - cpuCount: How many CPUs the machine has; they are numbered from 0.
  /// - Returns: At least two stages that fit each other, with checked arguments.
  /// - Throws: The first mistake: of syntax, then of names, arguments and CPU marks from left to right, then of stages that do not fit,
  ///   or that take the same device or file.
  /// - Precondition: `cpuCount` is 1 or more.
  /// - Complexity: O(*n*) in the length of the text, without what the stages' own checks take.
  public static func check(
    _ text: String, catalog: StageCatalog, cpuCount: Int
  ) throws(Diagnostic) -> CheckedPipeline {
    precondition(cpuCount > 0, "a machine has at least one CPU")
    var cpus: [Int] = []
    var stages: [CheckedStage] = []
    for call in try parse(text) {
      let kind = try catalog.kind(of: call)
      var binder = ArgumentBinder(kind: kind, call: call)
      let arguments = try binder.bind()
      let description = try kind.describe(arguments, call: call)
      if let mark = call.cpu {
        try check(mark, cpuCount: cpuCount)
        try PipelineInstances.check(mark, on: call, after: stages.first)
        cpus = mark.numbers
      }
      stages.append(CheckedStage(kind: kind, call: call, arguments: arguments, description: description, cpus: cpus))
    }
    try PipelineTyping(stages: stages, catalog: catalog).check()
    try PipelineInstances.check(stages)
    try StageResource.check(stages)
    return CheckedPipeline(stages: stages)
  }

  private static func check(_ mark: StageCall.CPUMark, cpuCount: Int) throws(Diagnostic) {
    guard let index = mark.numbers.firstIndex(where: { $0 >= cpuCount }) else { return }
    let cpus = cpuCount == 1 ? "one CPU, number 0" : "CPUs 0…\(cpuCount - 1)"
    throw Diagnostic("there is no CPU \(mark.numbers[index]); this machine has \(cpus)", at: mark.places[index])
  }

  private static func refuseControlCharacters(_ text: String) throws(Diagnostic) {
    var offset = 0
    for scalar in text.unicodeScalars {
      let end = offset + scalar.utf8.count
      let isAllowed = scalar == "\t" || scalar == "\n" || scalar == "\r"
      if !isAllowed && CharacterRules.isControl(scalar) {
        throw Diagnostic(
          "the control character \(Prose.codePoint(scalar)) cannot stand in a pipeline; delete it",
          at: SourceRange(offset, end))
      }
      offset = end
    }
  }
}
