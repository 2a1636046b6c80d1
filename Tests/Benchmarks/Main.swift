import ArgumentParser

/// Runs one benchmark once and prints one JSON object. `scripts/bench` repeats, compares and tabulates.
@main
struct Benchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanq-bench", abstract: "One run of one benchmark; see scripts/bench.",
    subcommands: [Ring.self, Checked.self])
}

/// A measured figure, as `scripts/bench` reads it.
struct Figure {
  let name: String
  let unit: String
  let value: Double

  func print() {
    Swift.print("{\"name\": \"\(name)\", \"unit\": \"\(unit)\", \"value\": \((value * 1000).rounded() / 1000)}")
  }
}
