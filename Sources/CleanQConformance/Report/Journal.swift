/// Ends a procedure after a violation, which the journal has.
struct Stop: Error {}

/// What one procedure did and found.
final class Journal {
  private static let keptOperationCount = 12

  let subject: String
  let procedure: String
  let seed: UInt64
  private(set) var step = 0
  private(set) var violations: [Violation] = []
  private(set) var checkCounts: [Rule: Int] = [:]
  private(set) var reasons: [Rule: String] = [:]
  private var operations: [String] = []

  init(subject: String, procedure: String, seed: UInt64) {
    self.subject = subject
    self.procedure = procedure
    self.seed = seed
  }

  /// Enters an operation that is about to be done.
  func note(_ operation: String) {
    step += 1
    if operations.count == Self.keptOperationCount { operations.removeFirst() }
    operations.append("\(step) \(operation)")
  }

  /// Enters what an operation did, behind its name.
  func noteResult(_ result: String) {
    guard let last = operations.popLast() else { return }
    operations.append("\(last): \(result)")
  }

  /// Counts a check; enters a violation and ends the procedure where it fails.
  func require(_ rule: Rule, _ holds: Bool, _ message: @autoclosure () -> String) throws(Stop) {
    checkCounts[rule, default: 0] += 1
    guard !holds else { return }
    throw fail(rule, message())
  }

  /// Counts a check that held.
  func hold(_ rule: Rule) { checkCounts[rule, default: 0] += 1 }

  /// Enters a violation.
  func fail(_ rule: Rule, _ message: String) -> Stop {
    violations.append(
      Violation(
        rule: rule, subject: subject, procedure: procedure, message: message, step: step, seed: seed,
        lastOperations: operations))
    return Stop()
  }

  /// Says why a rule cannot be asked of this queue.
  func skip(_ rule: Rule, _ reason: String) { if reasons[rule] == nil { reasons[rule] = reason } }
}
