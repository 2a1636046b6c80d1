// A command with a stage of its own in the pipeline language, next to those that come with CleanQ. The stage has a fault, to
// be chosen, and `checked` finds it:
//
//     FaultyStage 'pcap(in.pcap, read) | faulty(reorder) | checked(stop) | loopback'
//
// Violations are lines on standard error and counters in the summary; the exit status is 1 where there were any, 64 where the
// text is wrong.

import CleanQ
import CleanQCaptureStages
import CleanQPipeline
import Glibc
import Logging

/// What is wrong with the stage. Safe code cannot use a buffer twice: that does not compile.
enum Fault: String, CaseIterable, Sendable {
  /// Keeps the first packet for good, and its accounts do not say so.
  case lose
  /// Gives back what was not taken in another order.
  case reorder
  /// Leaves packets behind and says that all were taken.
  case conceal
}

struct FaultyPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit

  var lower: Lower
  let fault: Fault
  private var kept = Burst()

  init(on lower: consuming Lower, _ fault: Fault) {
    self.lower = lower
    self.fault = fault
  }

  mutating func receive(into filled: inout Burst) {
    let before = filled.count
    lower.receive(into: &filled)
    guard fault == .lose, kept.isEmpty, before == 0, let first = filled.popFirst() else { return }
    kept.append(first)
  }

  mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard fault != .lose, filled.count > 2, let first = filled.popFirst() else { return lower.transmit(&filled) }
    var single = Burst()
    single.append(first)
    let refusal = lower.transmit(&single)
    if fault == .conceal { return refusal }
    // The second goes to the end.
    if let second = filled.popFirst() { filled.append(second) }
    return .full
  }

  func report(into report: inout PortReport) {
    lower.report(into: &report)
    report.stages.append(StageReport("faulty"))
  }
}

struct Faulty: PassThroughStage {
  let fault: Fault

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(FaultyPort(on: lower, fault))
  }

  /// `faulty` in pipeline texts.
  static var kind: StageKind {
    let parameters = Fault.allCases.map { Parameter($0.rawValue, .flag, "the fault") }
    return StageKind(name: "faulty", summary: "breaks the rules", parameters: parameters) {
      arguments throws(ArgumentError) in
      Faulty(fault: Fault.allCases.first { arguments.flag($0.rawValue) } ?? .lose)
    }
  }
}

@main
struct FaultyStage {
  static let catalog = StageCatalog([
    PcapTap.kind, Faulty.kind, Checked.kind, Count.kind, Discard.kind, Loopback.kind,
  ])

  static func main() {
    guard CommandLine.arguments.count == 2 else {
      print("usage: FaultyStage PIPELINE")
      exit(64)
    }
    do { exit(try run(CommandLine.arguments[1]) ? 0 : 1) } catch {
      print("error: \(error)")
      exit(1)
    }
  }

  /// - Returns: whether there was no violation.
  private static func run(_ text: String) throws -> Bool {
    let pipeline: CheckedPipeline
    do throws(Diagnostic) {
      pipeline = try PipelineText.check(text, catalog: catalog, cpuCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    } catch {
      print(error.render(source: text))
      exit(64)
    }
    let logger = Logger(label: "faulty") { StreamLogHandler.standardError(label: $0) }
    // Ends by itself with its source; Ctrl-C ends it early.
    let report = try Pipeline(pipeline).runUntilSignal(logger: logger)
    for stage in report.stages {
      let counts = (stage.report.counters + stage.report.drops).map { " \($0.name)=\($0.value)" }.joined()
      print("\(stage.text): up \(stage.report.received.packets) down \(stage.report.transmitted.packets)\(counts)")
    }
    print("lost \(report.lostByteCount)")
    let violations = report.stages.flatMap(\.report.counters).filter { $0.name == "violations" }.map(\.value)
    return !violations.contains { $0 > 0 }
  }
}
