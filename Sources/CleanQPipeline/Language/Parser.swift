/// Turns tokens into stages.
///
/// ```
/// pipeline  = stage { "|" stage }
/// stage     = WORD [ "(" [ argument { "," argument } ] ")" ] [ MARK ]        MARK = "@" NUMBER { "," NUMBER }
/// argument  = [ KEY ] ( WORD | STRING )
/// ```
struct Parser {
  private var lexer: Lexer
  private var token = Token(kind: .end, range: SourceRange(0, 0))
  /// The token before, where something missing belongs.
  private var previousRange = SourceRange(0, 0)

  init(_ text: String) {
    lexer = Lexer(text)
  }

  private mutating func advance() throws(Diagnostic) {
    previousRange = token.range
    token = try lexer.next()
  }

  /// Parses the whole text.
  ///
  /// - Throws: The first thing that is wrong.
  /// - Complexity: O(*n*) in the length of the text.
  mutating func parse() throws(Diagnostic) -> [StageCall] {
    try advance()
    if token.kind == .end { throw ParserDiagnostics.emptyText }
    var stages: [StageCall] = []
    while true {
      guard stages.count < PipelineText.maximumStageCount else {
        throw ParserDiagnostics.tooManyStages(at: token.range)
      }
      let stage = try stage(isFirst: stages.isEmpty)
      stages.append(stage)
      switch token.kind {
      case .end: return stages
      case .bar: try advance()
      default: throw ParserDiagnostics.noBar(after: stage, before: token)
      }
      if token.kind == .end { throw ParserDiagnostics.endsWithBar(at: previousRange) }
    }
  }

  private mutating func stage(isFirst: Bool) throws(Diagnostic) -> StageCall {
    guard case .word(let name) = token.kind else { throw ParserDiagnostics.noStageName(at: token, isFirst: isFirst) }
    let nameRange = token.range
    try advance()
    var arguments: [StageCall.Argument] = []
    if token.kind == .open { arguments = try self.arguments(of: name) }
    var cpu: StageCall.CPUMark?
    if case .mark(let digits) = token.kind {
      cpu = try cpuMark(digits)
      try advance()
    }
    return StageCall(
      name: name, nameRange: nameRange, arguments: arguments, cpu: cpu, range: nameRange.through(previousRange))
  }

  private func cpuMark(_ text: String) throws(Diagnostic) -> StageCall.CPUMark {
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    guard words.count <= PipelineText.maximumInstanceCount else { throw ParserDiagnostics.tooManyCPUs(at: token.range) }
    var numbers: [Int] = []
    var places: [SourceRange] = []
    var start = token.range.start + 1
    for word in words {
      let place = words.count == 1 ? token.range : SourceRange(start, start + word.utf8.count)
      let number = try cpuNumber(String(word), at: place)
      guard !numbers.contains(number) else { throw ParserDiagnostics.cpuTwice(number, at: place) }
      numbers.append(number)
      places.append(place)
      start = place.end + 1
    }
    return StageCall.CPUMark(numbers: numbers, places: places, range: token.range)
  }

  private func cpuNumber(_ digits: String, at range: SourceRange) throws(Diagnostic) -> Int {
    guard !digits.isEmpty, digits.utf8.allSatisfy(CharacterRules.isDigit) else {
      throw ParserDiagnostics.noCPUNumber(digits, at: range)
    }
    guard let number = Int(digits), number <= PipelineText.maximumCPU else {
      throw ParserDiagnostics.cpuNumberTooLarge(at: range)
    }
    return number
  }

  private mutating func arguments(of stage: String) throws(Diagnostic) -> [StageCall.Argument] {
    try advance()
    var arguments: [StageCall.Argument] = []
    if token.kind == .close {
      try advance()
      return arguments
    }
    while true {
      guard arguments.count < PipelineText.maximumArgumentCount else {
        throw ParserDiagnostics.tooManyArguments(of: stage, at: token.range)
      }
      let argument = try argument(of: stage)
      arguments.append(argument)
      switch token.kind {
      case .comma: try advance()
      case .close:
        try advance()
        return arguments
      default:
        try refuseEndInBrackets(of: stage)
        throw ParserDiagnostics.noArgumentEnd(after: argument, before: token)
      }
    }
  }

  private mutating func argument(of stage: String) throws(Diagnostic) -> StageCall.Argument {
    var key: String?
    var keyRange: SourceRange?
    if case .key(let name) = token.kind {
      key = name
      keyRange = token.range
      try advance()
    }
    let valueRange = token.range
    switch token.kind {
    case .word(let value), .string(let value):
      let isQuoted = token.kind == .string(value)
      try advance()
      return StageCall.Argument(
        key: key, keyRange: keyRange, value: value, valueRange: valueRange, isQuoted: isQuoted)
    default:
      try refuseEndInBrackets(of: stage)
      throw ParserDiagnostics.noArgument(of: stage, key: key, keyRange: keyRange, at: token)
    }
  }

  private func refuseEndInBrackets(of stage: String) throws(Diagnostic) {
    guard token.kind == .bar || token.kind == .end else { return }
    throw ParserDiagnostics.noClosingBracket(
      of: stage, before: token, at: previousRange.after, hasComment: lexer.hasCommentInBrackets)
  }
}
