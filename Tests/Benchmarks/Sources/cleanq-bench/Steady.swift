import ArgumentParser
import CleanQ
import CleanQNet
import CleanQNetStages
import CleanQCaptureStages
import CleanQPipeline
import Glibc
import Logging

/// Runs a pipeline over so many generated packets and prints what was called meanwhile, the first tenth of the packets left
/// out: for Tests/Steady/steady.py, which puts a counter in front.
///
/// The pipeline begins with `generate`, which is put in front: `steady --packets 20000 'ip(10.0.0.2/24) | udp(7) | echo'`.
/// With `--swift` it is one that is built in Swift, by its name.
struct Steady: ParsableCommand {
  @Argument(help: "The stages behind `generate`; with --swift one of: \(SwiftPipelines.names.joined(separator: ", ")).")
  var pipeline: String
  @Flag(help: "A pipeline that is built in Swift.")
  var swift = false
  @Option var packets = 20_000

  func run() throws {
    let text = swift ? nil : "generate(\(packets)) | \(pipeline)"
    let report = if let text { try run(text: text) } else { try SwiftPipelines.run(pipeline, packets) }
    guard report.lostByteCount == 0 else { throw ValidationError("\(report.lostByteCount) bytes are lost") }
    guard let source = report.stages.first?.report, source.received.packets == UInt64(packets) + 1 else {
      throw ValidationError("not all packets were generated")
    }
    let calls = source.counters.map { ", \"\($0.name)\": \($0.value)" }.joined()
    print("{\"packets\": \(packets - packets / 10), \"returned\": \(source.transmitted.packets)\(calls)}")
  }

  private func run(text: String) throws -> PipelineReport {
    let kinds = [
      Generator.kind, PcapTap.kind, IP.kind, UDP.kind, UDPPorts.kind, EtherTypes.kind, Echo.kind, Discard.kind,
      Loopback.kind, Count.kind,
      CleanQPipeline.Checked.kind, Mutant.kind,
    ]
    let cpuCount = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let checked: CheckedPipeline
    do throws(Diagnostic) {
      checked = try PipelineText.check(text, catalog: StageCatalog(kinds), cpuCount: cpuCount)
    } catch { throw ValidationError(error.render(source: text, name: "pipeline")) }
    return try finish(Pipeline(checked).start(logger: quietLogger()))
  }
}

/// Waits until a pipeline has ended by itself, since its source is exhausted.
func finish(_ running: RunningPipeline) -> PipelineReport { running.finish() }

/// Logs errors only.
func quietLogger() -> Logger {
  var logger = Logger(label: "steady") { StreamLogHandler.standardError(label: $0) }
  logger.logLevel = .error
  return logger
}
