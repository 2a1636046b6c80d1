/// Makes a failing trace as short as it gets: removes stretches, halves first and single steps last, as long as what is
/// left still fails (delta debugging). Nothing that is left can be removed alone.
///
/// - Complexity: O(n²) runs at worst.
func shrunk(_ trace: [Operation], fails: ([Operation]) -> Bool) -> [Operation] {
  var trace = trace
  var stretch = max(1, trace.count / 2)
  while true {
    var removedAny = false
    var start = 0
    while start < trace.count {
      let shorter = Array(trace[..<start] + trace[min(start + stretch, trace.count)...])
      if fails(shorter) {
        trace = shorter
        removedAny = true
      } else {
        start += stretch
      }
    }
    if stretch == 1, !removedAny { return trace }
    stretch = max(1, stretch / 2)
  }
}

extension Harness where Q: ~Copyable {
  /// A failing trace as text: how it fails, and the shortest that does, ready to paste into ``failure(of:)``.
  func report(_ trace: [Operation], seed: UInt64?) -> String? {
    guard let failure = failure(of: trace) else { return nil }
    // Nothing behind the failure matters, so shrinking starts with what led to it.
    let short = shrunk(Array(trace.prefix(failure.index + 1))) { self.failure(of: $0) != nil }
    let reason = self.failure(of: short) ?? failure
    let lines = short.map { "  \($0),\n" }.joined()
    let origin = seed.map { "CLEANQ_SEED=\($0) runs it again" } ?? "from the enumeration"
    return "\(name): \(reason); \(origin)\nlet trace: [Operation] = [\n\(lines)]"
  }
}
