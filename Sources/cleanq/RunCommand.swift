import ArgumentParser
import CleanQPipeline

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a pipeline until SIGINT, SIGTERM or the end of its source.",
    discussion: """
      EXAMPLES
        cleanq run 'tap(tap0) | pcap(echo.pcap, filter: "udp port 7") | ip(10.0.0.2/24) | udp(7) | echo'
        cleanq run 'tap(tap0)@0 | ip(10.0.0.2/24) | udp(7)@1 | echo'
        cleanq run 'tap(tap0) | pcap(f.pcap) | tap(tap1)'
        cleanq run 'pcap(in.pcap, read) | count | discard'
        cleanq run --json --file pipeline.cleanq
      """)

  @OptionGroup var output: OutputOptions

  @Option(help: "Read the pipeline from a file: the same language, with comments and line breaks.")
  var file: String?

  @Argument(help: "The pipeline: stages from left to right, with | between them.")
  var pipeline: String?

  func validate() throws {
    if (pipeline == nil) == (file == nil) {
      throw ValidationError("give the pipeline as one argument, or its file with --file")
    }
  }

  func run() throws {
    if let file {
      try PipelineRunner(output).run(try readText(file), name: file)
    } else {
      try PipelineRunner(output).run(pipeline ?? "", name: "pipeline")
    }
  }
}
