public import CleanQ
public import Logging

/// A logger for lines that traffic or a peer can cause: a few at once, then one every ten seconds. The next line that is
/// logged says how many were left out.
///
/// Thread-confined. One for each kind of line, so that one kind does not silence another.
public struct LimitedLog: Sendable {
  private let logger: Logger
  private var bucket: TokenBucket
  private var suppressedCount = 0

  /// - Parameters:
  ///   - logger: where the lines go.
  ///   - burst: how many may come at once.
  public init(_ logger: Logger, burst: Int = 3) {
    self.logger = logger
    bucket = TokenBucket(capacity: UInt64(max(1, burst)), intervalNanoseconds: 10_000_000_000)
  }

  /// Logs a line, or counts that it was left out.
  ///
  /// - Returns: whether it was logged.
  /// - Complexity: O(1); the message is not made where it is not logged.
  @discardableResult
  public mutating func log(
    _ level: Logger.Level = .warning, at now: MonotonicTime, _ message: @autoclosure () -> String
  ) -> Bool {
    guard bucket.take(at: now) else {
      suppressedCount += 1
      return false
    }
    let suppressed = suppressedCount > 0 ? " (and \(suppressedCount) more like it since the last line)" : ""
    suppressedCount = 0
    logger.log(level: level, "\(message())\(suppressed)")
    return true
  }
}
