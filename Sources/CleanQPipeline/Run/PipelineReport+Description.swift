internal import CleanQ

extension PipelineReport: CustomStringConvertible {
  /// A few lines for people; what is zero is left out.
  public var description: String {
    var lines = ["\(end == .running ? "running" : "ran") for \((seconds * 1000).rounded() / 1000) s"]
    if end != .running { lines[0] += ", \(end)" }
    for stage in stages {
      lines.append(
        "\(Self.pad(stage.text, 44)) up \(text(stage.report.received)), down \(text(stage.report.transmitted))"
          + (stage.cpus.isEmpty ? "" : ", CPU " + stage.cpus.map(String.init).joined(separator: " and ")))
      lines += Self.lines(stage.report.drops, "dropped ", nameIsLast: true)
      lines += Self.lines(stage.report.counters, "")
      lines += Self.lines(stage.report.gauges, "now ")
      if let failure = stage.report.failure { lines.append("    failed: \(failure)") }
    }
    let lost = isExact ? "\(lostByteCount) lost" : "not counted at one moment"
    lines.append(
      "accounts: \(bufferCount) buffers; of \(accounts.registeredByteCount) bytes \(accounts.ownedByteCount) free, "
        + "\(accounts.inFlightByteCount) in queues, \(accounts.atPeerByteCount) at devices, \(lost)")
    return lines.joined(separator: "\n")
  }

  private static func lines(_ counts: [StageReport.Count], _ word: String, nameIsLast: Bool = false) -> [String] {
    counts.filter { $0.value > 0 }.sorted { $0.name < $1.name }.map {
      "    \(word)" + (nameIsLast ? "\($0.value) \($0.name)" : "\($0.name) \($0.value)")
    }
  }

  private func text(_ tally: StageReport.Tally) -> String {
    let amount = "\(tally.packets) packets \(tally.bytes) bytes"
    guard tally.packets > 0, seconds > 0 else { return amount }
    return amount + " (\(Self.rate(Double(tally.packets) / seconds)) packets/s, "
      + "\(Self.rate(Double(tally.bytes) * 8 / seconds)) bit/s)"
  }

  /// A rate with three digits or so, and the prefix that makes it short: `12.3 k`, `4.56 M`.
  package static func rate(_ value: Double) -> String {
    let (scaled, prefix) =
      value >= 1e9
      ? (value / 1e9, " G") : value >= 1e6 ? (value / 1e6, " M") : value >= 1e3 ? (value / 1e3, " k") : (value, "")
    let digits = scaled >= 100 ? 1.0 : scaled >= 10 ? 10.0 : 100.0
    let rounded = (scaled * digits).rounded() / digits
    return (rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)") + prefix
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
  }
}
