import ArgumentParser
import CleanQNet
import CleanQNetStages
import CleanQCaptureStages
import CleanQPipeline

/// Pipelines that are built in Swift, each one concrete type: what `steady --swift` and the check of the machine code run.
enum SwiftPipelines {
  private typealias Start = @Sendable (_ packets: Int) throws(StageError) -> RunningPipeline

  static var names: [String] { all.map(\.name) }

  static func run(_ name: String, _ packets: Int) throws -> PipelineReport {
    guard let start = all.first(where: { $0.name == name })?.start else {
      throw ValidationError("no pipeline is called \(name); there are: \(names.joined(separator: ", "))")
    }
    return try finish(start(packets))
  }

  private static let all: [(name: String, start: Start)] = [
    ("echo", echo), ("counted-echo", countedEcho), ("checked-echo", checkedEcho), ("captured-echo", capturedEcho),
    ("frames", frames), ("two-threads", twoThreads), ("loopback", loopback), ("discard", discard),
    ("virtual-call", virtualCall),
  ]

  private static func echo(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      IP("10.0.0.2/24")
      UDP(port: 7)
      Echo()
    }.start(logger: quietLogger())
  }

  private static func countedEcho(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      Count()
      IP("10.0.0.2/24")
      Count()
      UDP(port: 7)
      Count()
      Echo()
    }.start(logger: quietLogger())
  }

  private static func checkedEcho(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      CleanQPipeline.Checked()
      IP("10.0.0.2/24")
      CleanQPipeline.Checked()
      UDP(port: 7)
      CleanQPipeline.Checked()
      Echo()
    }.start(logger: quietLogger())
  }

  private static func capturedEcho(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      PcapTap("/dev/null", filter: "udp port 7")
      IP("10.0.0.2/24")
      UDP(port: 7)
      Echo()
    }.start(logger: quietLogger())
  }

  /// No layer: what the loop itself does.
  private static func frames(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      Count()
      Echo()
    }.start(logger: quietLogger())
  }

  private static func twoThreads(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      Handoff()
      IP("10.0.0.2/24")
      UDP(port: 7)
      Echo()
    }.start(logger: quietLogger())
  }

  private static func loopback(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      Loopback()
    }.start(logger: quietLogger())
  }

  private static func discard(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      Discard()
    }.start(logger: quietLogger())
  }

  /// Wrong on purpose: a call that the compiler cannot see through.
  private static func virtualCall(_ packets: Int) throws(StageError) -> RunningPipeline {
    try Pipeline {
      Generator(packetCount: packets)
      Mutant(.call)
      Echo()
    }.start(logger: quietLogger())
  }
}
