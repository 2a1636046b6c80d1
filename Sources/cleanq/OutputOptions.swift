import ArgumentParser
import Logging

struct OutputOptions: ParsableArguments {
  @Flag(help: "Print the summary as one JSON object, and nothing else, on standard output.")
  var json = false

  @Option(help: "The least important messages that are shown on standard error: debug, info, notice, warning, error.")
  var logLevel = Logger.Level.notice
}

extension Logger.Level: ExpressibleByArgument {}
