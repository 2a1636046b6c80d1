import ArgumentParser
import Logging

struct OutputOptions: ParsableArguments {
  @Flag(help: "Print the summary as one JSON object, and nothing else, on standard output.")
  var json = false

  @Option(help: "Print a line of rates on standard error every so many seconds.")
  var stats: Int?

  @Option(
    help: "The least important messages shown on standard error: debug, info, notice, warning or error.",
    transform: level)
  var logLevel = Logger.Level.notice

  func validate() throws {
    guard let stats, !(1...86_400).contains(stats) else { return }
    throw ValidationError("--stats takes the seconds between two lines, 1 to 86400, not \(stats)")
  }
}

private func level(_ text: String) throws -> Logger.Level {
  guard let level = Logger.Level(rawValue: text) else {
    throw ValidationError("the log levels are debug, info, notice, warning and error")
  }
  return level
}
