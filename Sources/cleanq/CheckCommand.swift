import ArgumentParser
import CleanQPipeline

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a pipeline and print it in its canonical form; opens nothing.",
    discussion: """
      EXAMPLES
        cleanq check 'tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo'
        cleanq check --file pipeline.cleanq
      """)

  @OptionGroup var input: PipelineInput

  func run() throws {
    let (name, text) = try input.read()
    try printOutput("\(try checked(text, name: name))")
  }
}

struct StagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stages",
    abstract: "List all stages with their arguments and examples.",
    discussion: """
      EXAMPLES
        cleanq stages
        cleanq stages tap      with the meaning of each number in its summary
      """)

  @Argument(help: "Only this stage.")
  var name: String?

  func run() throws {
    let kinds = catalog.kinds.filter { name == nil || $0.name == name }
    if kinds.isEmpty {
      let near = Spelling.nearest(to: name ?? "", among: catalog.names).map { "did you mean \($0)?" }
      throw ValidationError(
        "no stage is called \"\(name ?? "")\"; \(near ?? "there are \(catalog.names.joined(separator: ", "))")")
    }
    try printOutput(kinds.map(describe).joined(separator: "\n\n"))
  }

  /// What the numbers in a stage's summary mean, where one stage is asked about.
  private func counts(of kind: StageKind) -> [String] {
    guard name != nil else { return [] }
    let width = kind.allCounts.reduce(0) { max($0, $1.name.count) }
    return CountDescription.Role.allCases.flatMap { role in
      let counts = kind.allCounts.filter { $0.role == role }
      return counts.isEmpty
        ? [] : ["    \(role)s in the summary:"] + counts.map { "      \(pad($0.name, width))  \($0.meaning)" }
    }
  }

  private func describe(_ kind: StageKind) -> String {
    var lines = ["\(kind.signature)", "    \(kind.summary)"]
    lines += kind.parameters.map { "      \($0.name): \($0.summary)" }
    if !kind.notes.isEmpty { lines.append("    \(kind.notes)") }
    lines += kind.examples.map { "    example: \($0)" }
    lines += counts(of: kind)
    return lines.joined(separator: "\n")
  }
}
