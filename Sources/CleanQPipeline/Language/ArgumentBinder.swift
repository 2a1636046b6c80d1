/// Gives the arguments of a call to the parameters of its stage.
struct ArgumentBinder {
  private let kind: StageKind
  private let call: StageCall
  private var entries: [Arguments.Entry]
  /// The parameter that the next positional value goes to.
  private var position = 0

  init(kind: StageKind, call: StageCall) {
    self.kind = kind
    self.call = call
    entries = kind.parameters.map { Arguments.Entry(parameter: $0) }
  }

  private var stageName: String { Prose.quoted(kind.name) }

  /// Binds every argument, then looks for what is missing.
  ///
  /// - Throws: An unknown key, a value without a place, one given twice, one of the wrong type, a missing one.
  /// - Complexity: O(*a* · *p*) in the numbers of arguments and parameters.
  mutating func bind() throws(Diagnostic) -> Arguments {
    for argument in call.arguments {
      if let key = argument.key {
        try bind(argument, to: try index(ofKey: key, in: argument))
      } else if !argument.isQuoted, let flag = flagIndex(argument.value) {
        try accept(.boolean(true), for: flag, from: argument)
      } else {
        try refuseEqualsSign(argument)
        try bind(argument, to: try positionalIndex(for: argument))
      }
    }
    for index in entries.indices where entries[index].values.isEmpty {
      let parameter = entries[index].parameter
      if parameter.isRequired { throw missing(parameter) }
      if let text = parameter.defaultText, case .value(let value) = parameter.type.read(text) {
        entries[index].values = [value]
      }
    }
    return Arguments(entries: entries)
  }

  /// `address=10.0.0.1/24`, which is `address: 10.0.0.1/24` in this language.
  private func refuseEqualsSign(_ argument: StageCall.Argument) throws(Diagnostic) {
    guard !argument.isQuoted, let sign = argument.value.firstIndex(of: "=") else { return }
    let key = String(argument.value[..<sign])
    guard CharacterRules.isIdentifier(key),
      let name = Spelling.nearest(to: key, among: kind.parameters.map(\.name))
    else { return }
    let value = argument.value[argument.value.index(after: sign)...]
    throw Diagnostic(
      "a colon stands after the name of an argument, not =; write \(name): \(Prose.printable(String(value)))",
      at: argument.range, help: "if \(Prose.quoted(argument.value)) is one value, put it in quotes")
  }

  private func flagIndex(_ word: String) -> Int? {
    entries.firstIndex { $0.parameter.type.isFlag && $0.parameter.name == word }
  }

  private func index(ofKey key: String, in argument: StageCall.Argument) throws(Diagnostic) -> Int {
    if let index = entries.firstIndex(where: { $0.parameter.name == key }) { return index }
    let range = argument.keyRange ?? argument.range
    let names = kind.parameters.map(\.name)
    guard !names.isEmpty else { throw takesNone(argument) }
    let what = Spelling.suggestion(for: key, among: names, otherwise: "it has \(Prose.list(names, "and"))")
    // `fe80::1` and `unix:/run/x` begin like a key.
    let isJoined = !argument.isQuoted && argument.keyRange?.end == argument.valueRange.start
    let whole = "\(key):\(argument.value)"
    if isJoined, key.allSatisfy(\.isHexDigit), argument.value.contains(":"),
      let parameter = entries.first(where: { $0.parameter.isPositional && $0.values.isEmpty })?.parameter,
      case .diagnostic(let problem) = parameter.type.read(whole)
    {
      throw kind.diagnostic(problem, about: parameter.name, value: whole, at: argument.range)
    }
    let joined = Prose.quoted(whole)
    throw Diagnostic(
      "\(stageName) has no argument called \(Prose.quoted(key)); \(what)", at: range,
      help: isJoined ? "if \(joined) is one value, put it in quotes" : kind.signature)
  }

  private func takesNone(_ argument: StageCall.Argument) -> Diagnostic {
    Diagnostic("\(stageName) takes no arguments; remove the brackets", at: argument.range)
  }

  private mutating func positionalIndex(for argument: StageCall.Argument) throws(Diagnostic) -> Int {
    while position < entries.count && !entries[position].parameter.isPositional { position += 1 }
    guard position < entries.count else {
      guard !kind.parameters.isEmpty else { throw takesNone(argument) }
      let flags = kind.parameters.filter(\.type.isFlag).map(\.name)
      let what =
        flags.contains(argument.value)
        ? "write it without quotes" : Spelling.suggestion(for: argument.value, among: flags, otherwise: "take it out")
      throw Diagnostic(
        "\(stageName) has no place for \(Prose.quoted(argument.value)); \(what)", at: argument.range,
        help: kind.signature)
    }
    defer { if !entries[position].parameter.isRepeatable { position += 1 } }
    return position
  }

  private mutating func bind(_ argument: StageCall.Argument, to index: Int) throws(Diagnostic) {
    let parameter = entries[index].parameter
    switch parameter.type.read(argument.value) {
    case .value(let value): try accept(value, for: index, from: argument)
    case .diagnostic(let problem):
      throw kind.diagnostic(problem, about: parameter.name, value: argument.value, at: argument.valueRange)
    }
  }

  private mutating func accept(
    _ value: ParameterType.Value, for index: Int, from argument: StageCall.Argument
  ) throws(Diagnostic) {
    let parameter = entries[index].parameter
    guard parameter.isRepeatable || entries[index].values.isEmpty else {
      throw Diagnostic("\(Prose.quoted(parameter.name)) is given twice; keep one", at: argument.range)
    }
    entries[index].values.append(value)
    entries[index].ranges.append(argument.valueRange)
  }

  private func missing(_ parameter: Parameter) -> Diagnostic {
    Diagnostic(
      "\(stageName) needs \(Prose.quoted(parameter.name)); write \(kind.briefSignature)", at: call.nameRange,
      help: parameter.summary)
  }
}
