import ArgumentParser

/// Runs one benchmark once and prints one JSON object. `scripts/bench` repeats, compares and tabulates.
@main
struct Benchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanq-bench", abstract: "One run of one benchmark; see scripts/bench.",
    subcommands: [
      Ring.self, Checked.self, RoundTrip.self, WakeUp.self, Registration.self, Filter.self, Steady.self,
      Layers.self, PassThrough.self, Fork.self, Checksum.self, Capture.self,
    ])
}
