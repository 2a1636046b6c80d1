public import CleanQ
public import Logging
internal import Synchronization

/// What a stage says in the log of the events of its device or protocol. Lines that traffic or a peer can cause are limited in rate,
/// each kind by itself: a few at once, then one every ten seconds; the next one says how many were left out.
///
/// Sendable: an event may come on any thread.
public final class EventLog: Sendable {
  private let logger: Logger
  private let prefix: String
  private let limits = Mutex<[String: LimitedLog]>([:])

  /// - Parameter stage: what each line begins with; nil for nothing.
  public init(_ logger: Logger, stage: String?) {
    self.logger = logger
    prefix = stage.map { "\($0): " } ?? ""
  }

  /// Logs a line.
  public func write(_ message: String, _ level: Logger.Level = .notice) {
    logger.log(level: level, "\(prefix)\(message)")
  }

  /// Logs a line, unless there were too many of its kind.
  public func write(
    _ level: Logger.Level, limitedAs kind: String, at now: MonotonicTime = .now, _ message: @autoclosure () -> String
  ) {
    limits.withLock { limits in
      _ = limits[kind, default: LimitedLog(logger)].log(level, at: now, "\(prefix)\(message())")
    }
  }
}
