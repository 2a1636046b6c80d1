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

  @Option(help: "Read the pipeline from a file.")
  var file: String?

  @Argument(help: "The pipeline.")
  var pipeline: String?

  func validate() throws {
    if (pipeline == nil) == (file == nil) {
      throw ValidationError("give the pipeline as one argument, or its file with --file")
    }
  }

  func run() throws {
    let name = file ?? "pipeline"
    let text = try file.map(readText) ?? pipeline ?? ""
    print(try checked(text, name: name))
  }
}

struct StagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stages",
    abstract: "What stages there are, their arguments and examples.",
    discussion: """
      EXAMPLES
        cleanq stages
        cleanq stages tap
      """)

  @Argument(help: "Only this stage.")
  var name: String?

  func run() throws {
    let kinds = catalog.kinds.filter { name == nil || $0.name == name }
    if kinds.isEmpty {
      throw ValidationError(
        "no stage is called \"\(name ?? "")\"; there are \(catalog.kinds.map(\.name).joined(separator: ", "))")
    }
    print(kinds.map(describe).joined(separator: "\n\n"))
  }

  private func describe(_ kind: StageKind) -> String {
    var lines = ["\(kind.signature)", "    \(kind.summary)"]
    lines += kind.parameters.map { "      \($0.name): \($0.summary)" }
    if !kind.notes.isEmpty { lines.append("    \(kind.notes)") }
    lines += kind.examples.map { "    example: \($0)" }
    return lines.joined(separator: "\n")
  }
}
