import ArgumentParser
import CleanQ
import CleanQPipeline
import CleanQVirtio
import FoundationEssentials
import Glibc
import Logging

/// Exchanges numbered frames with a vhost-user back end that sends everything back, and checks every byte. Used by the
/// tests of Tests/Peers; prints one JSON object at the end, and with `--progress` a line ten times a second.
@main
struct Exchange: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cleanq-exchange")

  @Argument var socket: String
  @Option(help: "CPUs, with commas; one queue pair for each.") var cpus = "0"
  @Option(help: "Frames over all queue pairs.") var frames = 1_000_000
  @Option(help: "Frames of one queue pair in flight.") var window = 128
  @Option(help: "yes, no or any") var packed = "any"
  @Option(help: "yes, no or any") var mergeable = "any"
  @Option(help: "yes, no or any") var inOrder = "any"
  @Option(help: "yes, no or any") var eventIndex = "any"
  @Flag(help: "Says now and then how many frames came back.") var progress = false

  func run() throws {
    let list = cpus.split(separator: ",").compactMap { Int($0) }
    let tallies = list.map { _ in Tally() }
    var device = VhostUser(socket, queues: list.count)
    device.settings.packed = wish(packed)
    device.settings.mergeable = wish(mergeable)
    device.settings.inOrder = wish(inOrder)
    device.settings.eventIndex = wish(eventIndex)
    let stage = SequenceStage(total: frames / list.count, window: window, tallies: tallies)
    signal(SIGPIPE, SIG_IGN)
    var logger = Logger(label: "exchange") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .info
    do throws(StageError) {
      let signals = try ProcessSignals()
      let running = try Pipeline {
        device
        stage
      }.start(onEach: list, logger: logger)
      let report = running.waitUntilSignal(signals, intervalMilliseconds: progress ? 100 : 0) { event in
        guard progress, case .interval = event else { return }
        say("returned \(Sums(tallies).returned)", to: STDOUT_FILENO)
      }
      let result = Result(Sums(tallies), report)
      say(String(decoding: (try? JSONEncoder().encode(result)) ?? Data(), as: UTF8.self), to: STDOUT_FILENO)
    } catch {
      say("error: \(error)", to: STDERR_FILENO)
      throw ExitCode(1)
    }
  }

  /// One line, at once: who listens is a program.
  private func say(_ line: String, to file: Int32) {
    let bytes = Array((line + "\n").utf8)
    // SAFETY: the array outlives the call and its count is passed with it.
    _ = unsafe write(file, bytes, bytes.count)
  }

  private func wish(_ text: String) -> Bool? { text == "any" ? nil : text == "yes" }
}

/// All instances together.
struct Sums: Encodable {
  var sent = 0
  var returned = 0
  var lost = 0
  var late = 0
  var wrong = 0

  init(_ tallies: [Tally]) {
    for tally in tallies {
      sent += tally.sent.load(ordering: .acquiring)
      returned += tally.returned.load(ordering: .acquiring)
      lost += tally.lost.load(ordering: .acquiring)
      late += tally.late.load(ordering: .acquiring)
      wrong += tally.wrong.load(ordering: .acquiring)
    }
  }
}

/// What is printed at the end.
struct Result: Encodable {
  let frames: Sums
  let seconds: Double
  let lostBytes: Int
  let buffers: Int
  let drops: [String: UInt64]
  let counters: [String: UInt64]

  init(_ sums: Sums, _ report: PipelineReport) {
    frames = sums
    seconds = report.seconds
    lostBytes = report.lostByteCount
    buffers = report.bufferCount
    let device = report.stages.first?.report
    drops = Self.table(device?.drops ?? [])
    counters = Self.table(device?.counters ?? [])
  }

  private static func table(_ counts: [StageReport.Count]) -> [String: UInt64] {
    Dictionary(counts.map { ($0.name, $0.value) }, uniquingKeysWith: +)
  }
}
