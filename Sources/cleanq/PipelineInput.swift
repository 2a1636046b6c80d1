import ArgumentParser
import CleanQPipeline
import Glibc

/// The pipeline that `run` and `check` are about: one argument, or a file.
struct PipelineInput: ParsableArguments {
  @Option(
    help: "Read the pipeline from a file, or from standard input (-): the same language, with comments and line breaks."
  )
  var file: String?

  @Argument(help: "The pipeline: stages from left to right, with | between them, in one pair of quotes.")
  var pipeline: [String] = []

  func validate() throws {
    if file != nil, !pipeline.isEmpty { throw ValidationError("give a pipeline or a --file, not both") }
    guard file == nil else { return }
    switch pipeline.count {
    case 1: try refuseFileName(pipeline[0])
    case 0: throw ValidationError("give the pipeline as one argument, or its file with --file")
    default:
      throw ValidationError(
        "the pipeline came as \(pipeline.count) arguments; put all of it in one pair of single quotes: "
          + "'\(pipeline.joined(separator: " "))'")
    }
  }

  private func refuseFileName(_ text: String) throws {
    let isName = text.allSatisfy { !"|() \n".contains($0) } && catalog[text] == nil
    // SAFETY: the string outlives the call.
    if isName, unsafe access(text, F_OK) == 0 {
      throw ValidationError("\"\(text)\" is a file, not a pipeline; read it with --file \(text)")
    }
  }

  /// The name of the text in messages, and the text.
  func read() throws -> (name: String, text: String) {
    guard let file else { return ("pipeline", pipeline[0]) }
    return file == "-" ? ("standard input", try readText("/dev/stdin")) : (file, try readText(file))
  }

  /// What a shell may have done to a text that does not check: nil where there is nothing to say.
  static func advice(on text: String, name: String) -> String? {
    guard name == "pipeline", !text.isEmpty, !text.contains("|") else { return nil }
    return "if a | came next, the shell took it; put the whole pipeline in one pair of single quotes"
  }
}
