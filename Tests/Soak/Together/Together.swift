import ArgumentParser
import CleanQ
import CleanQNet
import CleanQNetStages
import CleanQPipeline
import CleanQTAPStages
import CleanQVirtio
import FoundationEssentials
import Glibc
import Logging

/// Runs several pipelines in one process until SIGTERM, and prints one JSON object for each at the end. Used by the soaks: what
/// one pipeline's peer does must not reach the other.
@main
struct Together: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cleanq-together")

  @Argument(help: "The pipelines.") var pipelines: [String]

  private static let catalog = StageCatalog([
    TAP.kind, VhostUser.kind, IP.kind, UDP.kind, Echo.kind, Discard.kind, Loopback.kind,
  ])

  func run() throws {
    // Blocked before any thread is made, so that none but this one takes it.
    var signals = sigset_t()
    // SAFETY, for the calls below: the variables outlive the calls.
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    signal(SIGPIPE, SIG_IGN)
    let logger = Logger(label: "together") { StreamLogHandler.standardError(label: $0) }
    let cpuCount = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let running = try pipelines.map { text in
      try Pipeline(PipelineText.check(text, catalog: Self.catalog, cpuCount: cpuCount)).start(logger: logger)
    }
    var number: Int32 = 0
    unsafe sigwait(&signals, &number)
    for pipeline in running { pipeline.stop() }
    for pipeline in running { print(Outcome(pipeline.finish()).json) }
  }
}

/// What is printed of one pipeline.
struct Outcome: Encodable {
  let lostBytes: Int
  let counts: [String: [String: UInt64]]

  init(_ report: PipelineReport) {
    lostBytes = report.lostByteCount
    counts = Dictionary(
      report.stages.map { stage in
        let all = stage.report.drops + stage.report.counters
        return (stage.report.name, Dictionary(all.map { ($0.name, $0.value) }, uniquingKeysWith: +))
      }, uniquingKeysWith: { first, _ in first })
  }

  var json: String { String(decoding: (try? JSONEncoder().encode(self)) ?? Data(), as: UTF8.self) }
}
