import ArgumentParser
import CleanQ
import CleanQCaptureStages
import CleanQPipeline
import Glibc
import Logging

/// Runs a pipeline text from the check to the summary.
struct PipelineRunner {
  private let output: OutputOptions
  /// Whether to say first what pipeline a shorthand stands for.
  private let announces: Bool

  /// How long the summary may take to be written.
  private static let summaryMilliseconds = 1000
  /// And where a signal came meanwhile: the second of timeout(1) does no harm.
  private static let hurriedSummaryMilliseconds = 300

  init(_ output: OutputOptions, announces: Bool = false) {
    self.output = output
    self.announces = announces
  }

  func run(_ text: String, name: String) throws {
    let pipeline = try checked(text, name: name)
    if announces { printError("pipeline: \(pipeline)") }
    var logger = Logger(label: "cleanq") { _ in LineLogHandler(.standardError) }
    logger.logLevel = output.logLevel
    let report: PipelineReport
    do throws(StageError) {
      let signals = try ProcessSignals()
      // From here to the end of the process nothing is left that a signal could end.
      defer { for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) } }
      report = try self.report(of: pipeline, logger, signals)
      let summary = Summary(report, pipeline: "\(pipeline)")
      let isInterrupted = { signals.take().contains { $0 != SIGUSR1 && $0 != SIGUSR2 } }
      try print(summary, of: pipeline, interrupt: signals.file, isInterrupted)
    } catch {
      throw failure("\(error)")
    }
    if report.lostByteCount != 0 {
      throw failure("pipeline: \(report.lostByteCount) bytes of buffers are lost; this is a bug, please report it")
    }
    // The log has said why, and the summary has it.
    if report.stages.contains(where: { $0.report.failure != nil }) { throw ExitCode(1) }
  }

  /// Opens the pipeline and runs it to its end.
  private func report(
    of pipeline: CheckedPipeline, _ logger: Logger, _ signals: borrowing ProcessSignals
  ) throws(StageError) -> PipelineReport {
    let opening = Opening(TextPipeline(pipeline, spin: .microseconds(output.spin)), logger, cancelFile: signals.endFile)
    let running: RunningPipeline
    let early: [Int32]
    switch opening.wait(signals) {
    case .running(let pipeline, let pending): (running, early) = (pipeline, pending)
    case .failed(let error): throw error
    case .cancelled(let signal): return .abandoned(pipeline, by: .signal(ProcessSignals.name(of: signal)))
    case .stuck(let signal, let stage):
      throw StageError(stage, "was still being opened when \(ProcessSignals.name(of: signal)) came, and did not stop")
    }
    if let hint = AddressAdvice(pipeline).hint { printError("hint: \(hint)") }
    var rates = RateLine()
    let interval = (output.stats ?? 0) * 1000
    let report = running.waitUntilSignal(signals, pending: early, intervalMilliseconds: interval) { event in
      switch event {
      case .snapshot(let report):
        let summary = Summary(report, pipeline: "\(pipeline)")
        LineWriter.standardError.log(output.json ? summary.json : summary.text)
      case .interval(let report): LineWriter.standardError.log(rates.text(for: report))
      }
    }
    for stage in report.stages where stage.report.failure != nil && !report.isExact {
      printError("error: waited for \(stage.title): \(stage.report.failure ?? "")")
    }
    return report
  }

  private func print(
    _ summary: Summary, of pipeline: CheckedPipeline, interrupt: Int32, _ isInterrupted: () -> Bool
  ) throws(StageError) {
    // Where a capture goes to standard output, the summary must not follow it there.
    let takesStandardOutput = pipeline.allStages.contains { ($0.description as? PcapTap)?.options.path == "-" }
    let writer = takesStandardOutput ? LineWriter.standardError : .standardOutput
    // The file may be a pipe that nobody reads: then the end comes all the same, and sooner where a signal asks for it.
    let start = MonotonicTime.now
    if !takesStandardOutput { _ = LineWriter.standardError.wait(milliseconds: 200) }
    writer.print(output.json ? summary.json : summary.text)
    var limitMilliseconds = Self.summaryMilliseconds
    while true {
      let passed = Int((MonotonicTime.now.nanoseconds - start.nanoseconds) / 1_000_000)
      switch writer.wait(
        milliseconds: max(0, limitMilliseconds - passed), interrupt: interrupt, isInterrupted: isInterrupted)
      {
      case .written: return
      case .failed(let number):
        throw StageError(writer.name, "the summary is lost: \(systemErrorText(number))", errno: number)
      case .pending where passed < limitMilliseconds && limitMilliseconds == Self.summaryMilliseconds:
        limitMilliseconds = Self.hurriedSummaryMilliseconds
      case .pending:
        StandardFiles.hurry()
        throw StageError(writer.name, "the summary could not be written: the output before it was not read")
      }
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
