import CleanQ
import CleanQPipeline
import FoundationEssentials

/// What is printed at the end of a run; the properties are the keys of the JSON object.
struct Summary: Encodable {
  struct Tally: Encodable {
    let packets: UInt64
    let bytes: UInt64
  }

  struct Stage: Encodable {
    let name: String
    let text: String
    let cpus: [Int]
    let received: Tally
    let transmitted: Tally
    let drops: [String: UInt64]
    let counters: [String: UInt64]
    /// Why it stopped doing its part; not there where it did not.
    let failure: String?
  }

  struct Memory: Encodable {
    let registeredBytes: Int
    let ownedBytes: Int
    let inFlightBytes: Int
    let atPeerBytes: Int
    let lostBytes: Int
    let buffers: Int
    let strayBuffers: Int
    let exact: Bool
  }

  let pipeline: String
  let seconds: Double
  let stages: [Stage]
  let census: Memory

  init(_ report: PipelineReport, pipeline: String) {
    self.pipeline = pipeline
    seconds = report.seconds
    stages = report.stages.map { stage in
      Stage(
        name: stage.report.name, text: stage.text, cpus: stage.cpus, received: Tally(stage.report.received),
        transmitted: Tally(stage.report.transmitted), drops: Self.table(stage.report.drops),
        counters: Self.table(stage.report.counters), failure: stage.report.failure)
    }
    census = Memory(
      registeredBytes: report.census.registeredByteCount, ownedBytes: report.census.ownedByteCount,
      inFlightBytes: report.census.inFlightByteCount, atPeerBytes: report.census.atPeerByteCount,
      lostBytes: report.lostByteCount, buffers: report.bufferCount, strayBuffers: report.strayBufferCount,
      exact: report.lostByteCount == 0)
  }

  private static func table(_ counts: [StageReport.Count]) -> [String: UInt64] {
    Dictionary(counts.filter { $0.value > 0 }.map { ($0.name, $0.value) }, uniquingKeysWith: +)
  }

  /// One JSON object on one line.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  /// A few lines for people.
  var text: String {
    var lines = ["\(pipeline)", "ran for \((seconds * 1000).rounded() / 1000) s"]
    for stage in stages {
      lines.append(
        "\(pad(stage.text, 44)) up \(stage.received.text), down \(stage.transmitted.text)"
          + (stage.cpus.isEmpty ? "" : ", CPU " + stage.cpus.map(String.init).joined(separator: " and ")))
      lines += stage.drops.sorted { $0.key < $1.key }.map { "    dropped \($0.value) \($0.key)" }
      lines += stage.counters.sorted { $0.key < $1.key }.map { "    \($0.key) \($0.value)" }
      if let failure = stage.failure { lines.append("    failed: \(failure)") }
    }
    lines.append(
      "census: \(census.buffers) buffers; of \(census.registeredBytes) bytes \(census.ownedBytes) owned, "
        + "\(census.inFlightBytes) in flight, \(census.atPeerBytes) at devices, \(census.lostBytes) lost")
    return lines.joined(separator: "\n")
  }
}

extension Summary.Tally {
  init(_ tally: StageReport.Tally) {
    packets = tally.packets
    bytes = tally.bytes
  }

  var text: String { "\(packets) packets \(bytes) bytes" }
}
