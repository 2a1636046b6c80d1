/// What the parser says about texts that are not a pipeline.
enum ParserDiagnostics {
  static let emptyText = Diagnostic(
    "the pipeline is empty; write stages with | between them, such as: tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo",
    at: SourceRange(0, 0))

  static func tooLong(lengthBytes: Int) -> Diagnostic {
    let most = PipelineText.maximumLengthBytes
    return Diagnostic(
      "the pipeline is \(lengthBytes) bytes long; \(most) is the most", at: SourceRange(most, lengthBytes))
  }

  static func tooManyStages(at range: SourceRange) -> Diagnostic {
    Diagnostic("more than \(PipelineText.maximumStageCount) stages; make it two pipelines", at: range)
  }

  static func tooManyArguments(of stage: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      "more than \(PipelineText.maximumArgumentCount) arguments for \(Prose.quoted(stage)); take some out", at: range)
  }

  static func endsWithBar(at range: SourceRange) -> Diagnostic {
    Diagnostic("no stage stands after the last |; add one or delete the |", at: range)
  }

  static func noStageName(at token: Token, isFirst: Bool) -> Diagnostic {
    switch token.kind {
    case .bar where isFirst: Diagnostic("no stage stands before the first |; add one or delete the |", at: token.range)
    case .bar: Diagnostic("no stage stands between two |; add one or delete a |", at: token.range)
    case .string:
      Diagnostic("a quoted text stands where a stage belongs; write the name without quotes", at: token.range)
    case .mark: Diagnostic("a CPU mark stands without a stage; put it after one, as in echo@0", at: token.range)
    case .open: Diagnostic("a bracket stands without a stage's name before it; write name(…)", at: token.range)
    case .close: Diagnostic("a ) without an opening bracket; delete it", at: token.range)
    case .openBlock:
      Diagnostic(
        "a block stands where a stage belongs: several ports below one stage are not supported yet; begin with one stage",
        at: token.range)
    case .semicolon, .closeBlock: strayBlockMark(token)
    default: Diagnostic("a comma stands where a stage belongs; put | between stages", at: token.range)
    }
  }

  /// After a whole stage comes something that is neither `|` nor the end.
  static func noBar(after stage: StageCall, before token: Token, isInBlock: Bool) -> Diagnostic {
    let name = Prose.quoted(stage.name)
    switch token.kind {
    case .openBlock:
      return Diagnostic("a second block after \(name); put all branches in one", at: token.range)
    case .word(let word) where stage.block != nil:
      return isInBlock
        ? Diagnostic("a ; is missing before \(Prose.quoted(word)), where a new branch begins", at: token.range)
        : Diagnostic("nothing can stand after the block of \(name); put it in a branch", at: token.range)
    case .word(let word) where isInBlock:
      return Diagnostic(
        "a | or a ; is missing between \(name) and \(Prose.quoted(word))", at: token.range,
        help: "| goes on with the branch, ; begins a new one")
    case .word(let word):
      let couldBeArgument = stage.arguments.isEmpty && stage.cpu == nil
      return Diagnostic(
        "a | is missing between \(name) and \(Prose.quoted(word))", at: token.range,
        help: couldBeArgument ? "if \(Prose.quoted(word)) is an argument, write it in brackets after \(name)" : nil)
    case .string:
      return Diagnostic("a quoted text stands after \(name); put arguments in brackets: name(\"…\")", at: token.range)
    case .mark: return Diagnostic("a second CPU mark on \(name); keep one", at: token.range)
    case .open where stage.cpu != nil:
      return Diagnostic("a CPU mark stands before the bracket; put it after: name(…)@0", at: token.range)
    case .open: return Diagnostic("a second list of arguments for \(name); put all in one bracket", at: token.range)
    case .close: return Diagnostic("a ) without an opening bracket; delete it", at: token.range)
    default:
      return Diagnostic(
        "a comma stands after \(name); put | between stages", at: token.range,
        help: stage.cpu == nil ? nil : "a list of CPUs is written in one word, as in \(stage.name)@0,1")
    }
  }

  static func barAfterBlock(of stage: StageCall, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      "nothing can stand after the block of \(Prose.quoted(stage.name)), which is the right end; put it in a branch",
      at: range)
  }

  /// A `;` or a `}` outside of blocks.
  static func strayBlockMark(_ token: Token) -> Diagnostic {
    token.kind == .semicolon
      ? Diagnostic("a ; stands outside a block; it separates the branches in { }", at: token.range)
      : Diagnostic("a } without an opening brace; delete it", at: token.range)
  }

  static func emptyBlock(of stage: String, at range: SourceRange) -> Diagnostic {
    Diagnostic("the block after \(Prose.quoted(stage)) is empty; put branches in it, or delete it", at: range)
  }

  static func emptyBranch(at range: SourceRange) -> Diagnostic {
    Diagnostic("no stage stands before this ;; add a branch or delete it", at: range)
  }

  static func noClosingBrace(of stage: String, at range: SourceRange) -> Diagnostic {
    Diagnostic("the block after \(Prose.quoted(stage)) is not closed; put a } at its end", at: range)
  }

  static func tooDeep(at range: SourceRange) -> Diagnostic {
    Diagnostic("more than \(PipelineText.maximumDepth) blocks inside each other; make it two pipelines", at: range)
  }

  static func noAlias(of stage: String, at range: SourceRange) -> Diagnostic {
    Diagnostic("no name stands after \"as\"; write \(Prose.printable(stage)) as NAME", at: range)
  }

  static func badAlias(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      "\(Prose.quoted(name)) is not a name for a stage; write a letter, then letters, digits and -", at: range)
  }

  static func noCPUNumber(_ text: String, at range: SourceRange) -> Diagnostic {
    text.isEmpty
      ? Diagnostic("a CPU mark without a number; write it in one word, as in echo@0", at: range)
      : Diagnostic("\(Prose.quoted(text)) is not a CPU number; write digits after the @, as in echo@0", at: range)
  }

  static func tooManyCPUs(at range: SourceRange) -> Diagnostic {
    Diagnostic("more than \(PipelineText.maximumInstanceCount) CPUs in one list; take some out", at: range)
  }

  static func cpuTwice(_ number: Int, at range: SourceRange) -> Diagnostic {
    Diagnostic("CPU \(number) is listed twice; keep one", at: range)
  }

  static func cpuNumberTooLarge(at range: SourceRange) -> Diagnostic {
    Diagnostic("the CPU number is too large; \(PipelineText.maximumCPU) is the most", at: range)
  }

  /// Where an argument belongs stands something else.
  static func noArgument(of stage: String, key: String?, keyRange: SourceRange?, at token: Token) -> Diagnostic {
    if token.kind == .open { return bracketInBrackets(at: token.range) }
    if let key, let keyRange {
      return Diagnostic("no value stands after \(Prose.quoted(key)); add one", at: keyRange)
    }
    return Diagnostic("an argument of \(Prose.quoted(stage)) is empty; add it or delete the comma", at: token.range)
  }

  /// After an argument comes something that is neither a comma nor the closing bracket.
  static func noArgumentEnd(after argument: StageCall.Argument, before token: Token) -> Diagnostic {
    if token.kind == .open { return bracketInBrackets(at: token.range) }
    let couldBeKey = argument.key == nil && CharacterRules.isIdentifier(argument.value)
    if couldBeKey, case .word(let word) = token.kind, word.hasPrefix(":") {
      return argument.isQuoted
        ? Diagnostic("a key stands in quotes; write \(argument.value): without them", at: argument.range)
        : Diagnostic("a space stands before the colon; write \(argument.value): without it", at: token.range)
    }
    return Diagnostic(
      "two values stand side by side; put a comma between them, or one pair of quotes around both", at: token.range)
  }

  /// The text, or the stage, ends inside a bracket.
  static func noClosingBracket(
    of stage: String, before token: Token, at range: SourceRange, hasComment: Bool
  ) -> Diagnostic {
    let isEnd = token.kind == .end
    let aboutBar = isEnd ? nil : "a value that holds | goes in quotes"
    return Diagnostic(
      "the bracket after \(Prose.quoted(stage)) is not closed; put a ) here\(isEnd ? "" : ", before the |")",
      at: range, help: hasComment ? "# began a comment; a value that begins with # goes in quotes" : aboutBar)
  }

  private static func bracketInBrackets(at range: SourceRange) -> Diagnostic {
    Diagnostic("a bracket stands inside a bracket; put a value that holds one in quotes", at: range)
  }
}
