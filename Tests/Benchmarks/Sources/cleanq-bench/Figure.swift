/// A measured figure, as `scripts/bench` reads it; or three percentiles of a distribution.
struct Figure {
  let name: String
  let unit: String
  private let values: [(key: String, value: Double)]

  init(name: String, unit: String, value: Double) {
    self.name = name
    self.unit = unit
    values = [("value", value)]
  }

  init(name: String, unit: String, _ latencies: Latencies) {
    self.name = name
    self.unit = unit
    values = [
      ("p50", latencies.percentile(50)), ("p99", latencies.percentile(99)), ("p99.9", latencies.percentile(99.9)),
    ]
  }

  func print() {
    let fields = values.map { "\"\($0.key)\": \(($0.value * 1000).rounded() / 1000)" }.joined(separator: ", ")
    Swift.print("{\"name\": \"\(name)\", \"unit\": \"\(unit)\", \(fields)}")
  }
}
