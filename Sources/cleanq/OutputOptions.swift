import ArgumentParser
import Logging

struct OutputOptions: ParsableArguments {
  @Flag(help: "Print the summary as one JSON object, and nothing else, on standard output.")
  var json = false

  @Option(
    parsing: .unconditional, help: "Print a line of rates on standard error at this interval, in seconds.",
    transform: { try WholeNumber.read($0, 1...86_400, "the whole seconds between two lines") })
  var stats: Int?

  @Option(
    help: ArgumentHelp(
      "How long an idle thread spins before it sleeps, if packets arrive that often; 0 to sleep at once.",
      valueName: "microseconds"),
    transform: { try WholeNumber.read($0, 0...1_000_000, "the microseconds that a thread spins") })
  var spin = 50

  @Option(
    help: "The lowest level of messages on standard error: debug, info, notice, warning or error.",
    transform: level)
  var logLevel = Logger.Level.notice
}

private func level(_ text: String) throws -> Logger.Level {
  guard let level = Logger.Level(rawValue: text) else {
    throw ValidationError("the log levels are debug, info, notice, warning and error")
  }
  return level
}
