/// What a run of the suite found. Plain data; nothing in it traps.
public struct ConformanceReport: Sendable, CustomStringConvertible {
  public let subject: String
  /// At most one per procedure and seed: what follows a first breach is not to be relied on.
  public internal(set) var violations: [Violation] = []
  private var checkCounts: [Rule: Int] = [:]
  private var reasons: [Rule: String] = [:]

  init(_ subject: String) { self.subject = subject }

  /// Whether no rule is broken.
  public var isConforming: Bool { violations.isEmpty }

  /// What was found about a rule. One that was never put to the test counts as not applicable, not as passed.
  public subscript(rule: Rule) -> Outcome {
    if violations.contains(where: { $0.rule == rule }) { return .failed }
    let count = checkCounts[rule] ?? 0
    if count > 0 { return .passed(checkCount: count) }
    return .notApplicable(reasons[rule] ?? "was never put to the test")
  }

  /// The rules that could be asked of the queue, and held.
  public var passedRules: Set<Rule> {
    Set(Rule.allCases.filter { if case .passed = self[$0] { true } else { false } })
  }

  /// The rules that were broken.
  public var failedRules: Set<Rule> { Set(violations.map(\.rule)) }

  /// The rules that could not be asked of the queue, with the reasons.
  public var notApplicable: [Rule: String] {
    var reasons: [Rule: String] = [:]
    for rule in Rule.allCases { if case .notApplicable(let reason) = self[rule] { reasons[rule] = reason } }
    return reasons
  }

  public var description: String {
    var lines = ["\(subject): \(isConforming ? "conforms" : "does not conform")"]
    for rule in Rule.allCases {
      switch self[rule] {
      case .passed(let count): lines.append("  \(rule.rawValue): held in \(count) checks")
      case .failed: lines.append("  \(rule.rawValue): BROKEN")
      case .notApplicable(let reason): lines.append("  \(rule.rawValue): not applicable: \(reason)")
      }
    }
    for (first, others) in distinctViolations {
      lines.append(first.description)
      if !others.isEmpty { lines.append("  the same in \(others.joined(separator: ", "))") }
    }
    return lines.joined(separator: "\n")
  }

  /// Each fault once: the first violation of those of one rule that say the same, numbers aside, and where else it was met.
  private var distinctViolations: [(first: Violation, others: [String])] {
    var distinct: [(first: Violation, others: [String])] = []
    var places: [String: Int] = [:]
    for violation in violations {
      let fault = violation.rule.rawValue + violation.message.filter { !$0.isNumber }
      guard let place = places[fault] else {
        places[fault] = distinct.count
        distinct.append((violation, []))
        continue
      }
      let known = distinct[place]
      guard violation.procedure != known.first.procedure, !known.others.contains(violation.procedure) else { continue }
      distinct[place].others.append(violation.procedure)
    }
    return distinct
  }

  mutating func add(_ journal: Journal) {
    violations += journal.violations
    checkCounts.merge(journal.checkCounts, uniquingKeysWith: +)
    reasons.merge(journal.reasons) { old, _ in old }
  }

  /// Adds what was found about another side of the same subject.
  mutating func add(_ other: ConformanceReport) {
    violations += other.violations
    checkCounts.merge(other.checkCounts, uniquingKeysWith: +)
    reasons.merge(other.reasons) { old, _ in old }
  }
}
