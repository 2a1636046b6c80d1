import CleanQ
import CleanQPipeline
import FoundationEssentials

/// What is printed at the end of a run; the properties are the keys of the JSON object.
struct Summary: Encodable {
  struct Tally: Encodable {
    let packets: UInt64
    let bytes: UInt64
    /// Over the whole run.
    let packetsPerSecond: Double
    let bitsPerSecond: Double
  }

  struct Stage: Encodable {
    let name: String
    let text: String
    let cpus: [Int]
    let received: Tally
    let transmitted: Tally
    let drops: [String: UInt64]
    let counters: [String: UInt64]
    let gauges: [String: UInt64]
    /// Why it stopped doing its part; not there where it did not.
    let failure: String?
  }

  struct End: Encodable {
    /// `signal`, `completed`, `stage-failed`, `stopped`, or `running` in a snapshot.
    let reason: String
    /// For people.
    let text: String
  }

  struct Memory: Encodable {
    let registeredBytes: Int
    let ownedBytes: Int
    let inFlightBytes: Int
    let atPeerBytes: Int
    let lostBytes: Int
    let buffers: Int
    let leakedBuffers: Int
    let exact: Bool
  }

  let pipeline: String
  let seconds: Double
  let end: End
  let stages: [Stage]
  let accounts: Memory
  /// What people read.
  private let report: PipelineReport

  enum CodingKeys: String, CodingKey { case pipeline, seconds, end, stages, accounts }

  init(_ report: PipelineReport, pipeline: String) {
    self.pipeline = pipeline
    self.report = report
    seconds = report.seconds
    end = End(reason: report.end.name, text: "\(report.end)")
    stages = report.stages.map { stage in
      Stage(
        name: stage.report.name, text: stage.text, cpus: stage.cpus,
        received: Tally(stage.report.received, seconds: report.seconds),
        transmitted: Tally(stage.report.transmitted, seconds: report.seconds),
        drops: Self.table(stage.report.drops), counters: Self.table(stage.report.counters),
        gauges: Self.table(stage.report.gauges), failure: stage.report.failure)
    }
    accounts = Memory(
      registeredBytes: report.accounts.registeredByteCount, ownedBytes: report.accounts.ownedByteCount,
      inFlightBytes: report.accounts.inFlightByteCount, atPeerBytes: report.accounts.atPeerByteCount,
      lostBytes: report.lostByteCount, buffers: report.bufferCount, leakedBuffers: report.leakedBufferCount,
      exact: report.isExact && report.lostByteCount == 0)
  }

  private static func table(_ counts: [StageReport.Count]) -> [String: UInt64] {
    Dictionary(counts.map { ($0.name, $0.value) }, uniquingKeysWith: +)
  }

  /// One JSON object on one line.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  /// A few lines for people.
  var text: String { "\(pipeline)\n\(report)" }
}

extension Summary.Tally {
  init(_ tally: StageReport.Tally, seconds: Double) {
    packets = tally.packets
    bytes = tally.bytes
    packetsPerSecond = seconds > 0 ? Self.rounded(Double(tally.packets) / seconds) : 0
    bitsPerSecond = seconds > 0 ? Self.rounded(Double(tally.bytes) * 8 / seconds) : 0
  }

  private static func rounded(_ rate: Double) -> Double { (rate * 10).rounded() / 10 }
}
