import CleanQ
import CleanQPipeline

/// A line with the rates of each stage since the line before.
struct RateLine {
  private var last: PipelineReport?

  /// `1.0 s: tap(tap0) up 1.2 k packets/s 985 kbit/s, down …; …`, with the packets that were dropped where any were.
  mutating func text(for report: PipelineReport) -> String {
    defer { last = report }
    let seconds = report.seconds - (last?.seconds ?? 0)
    let stages = report.stages.enumerated().map { index, stage in
      let before = last?.stages[index].report
      let up = Self.rate(stage.report.received, since: before?.received, seconds)
      let down = Self.rate(stage.report.transmitted, since: before?.transmitted, seconds)
      let drops = Self.sum(stage.report.drops) - (before.map { Self.sum($0.drops) } ?? 0)
      let dropped = drops > 0 ? ", dropped \(PipelineReport.rate(Double(drops) / seconds)) packets/s" : ""
      return "\(stage.path) up \(up), down \(down)\(dropped)"
    }
    return "\((report.seconds * 10).rounded() / 10) s: \(stages.joined(separator: "; "))"
  }

  private static func rate(_ tally: StageReport.Tally, since before: StageReport.Tally?, _ seconds: Double) -> String {
    let packets = Double(tally.packets - (before?.packets ?? 0)) / seconds
    let bits = Double(tally.bytes - (before?.bytes ?? 0)) * 8 / seconds
    return "\(PipelineReport.rate(packets)) packets/s \(PipelineReport.rate(bits)) bit/s"
  }

  private static func sum(_ counts: [StageReport.Count]) -> UInt64 { counts.reduce(0) { $0 + $1.value } }
}
