import ArgumentParser
import CleanQPcap
import CleanQPipeline
import Glibc
import Logging

/// Runs a pipeline text from the check to the summary.
struct PipelineRunner {
  private let output: OutputOptions
  /// Whether to say first what pipeline a shorthand stands for.
  private let announces: Bool

  init(_ output: OutputOptions, announces: Bool = false) {
    self.output = output
    self.announces = announces
  }

  func run(_ text: String, name: String) throws {
    let pipeline = try checked(text, name: name)
    if announces { printError("pipeline: \(pipeline)") }
    // A closed pipe is an error of the stage that writes to it, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    var logger = Logger(label: "cleanq") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = output.logLevel
    let finished: PipelineReport
    do throws(StageError) {
      let signals = try TerminationSignals()
      let running = try TextPipeline(pipeline).start(logger: logger)
      if let hint = AddressAdvice(pipeline).hint { printError("hint: \(hint)") }
      signals.wait(or: running.doneFileDescriptor)
      running.stop()
      finished = running.finish()
      try report(finished, of: pipeline)
    } catch {
      throw failure("\(error)")
    }
    // The log has said why, and the summary has it.
    if finished.stages.contains(where: { $0.report.failure != nil }) { throw ExitCode(1) }
  }

  private func report(_ report: PipelineReport, of pipeline: CheckedPipeline) throws(StageError) {
    let summary = Summary(report, pipeline: "\(pipeline)")
    // Where a capture goes to standard output, the summary must not follow it there.
    let takesStandardOutput = pipeline.stages.contains { ($0.description as? PcapTap)?.options.path == "-" }
    let text = output.json ? summary.json : summary.text
    if takesStandardOutput { printError(text) } else { print(text) }
    if report.lostByteCount != 0 {
      throw StageError("pipeline", "\(report.lostByteCount) bytes of buffers are lost; this is a bug, please report it")
    }
  }
}

/// Parses and checks a text; a mistake is shown where it is and ends the command with the status for wrong usage.
func checked(_ text: String, name: String) throws -> CheckedPipeline {
  do throws(Diagnostic) {
    let pipeline = try PipelineText.check(text, catalog: catalog, cpuCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    for warning in AddressAdvice(pipeline).warnings { printError("warning: \(warning)") }
    return pipeline
  } catch {
    printError(error.render(source: text, name: name))
    if let advice = PipelineInput.advice(on: text, name: name) { printError("  help: \(advice)") }
    throw ExitCode(EX_USAGE)
  }
}

/// Says what went wrong at run time, and ends the command with status 1.
func failure(_ message: String) -> ExitCode {
  printError("error: \(message)")
  return ExitCode(1)
}
