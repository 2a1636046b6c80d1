/// Where a loop is between its turns.
@frozen
public enum SleepStep: Equatable, Sendable {
  /// The loop is awake, and it is now this late: resend, age, expire. Comes some hundred times a second, and after a sleep where it
  /// was due.
  case tick(MonotonicTime)
  /// The loop is going to sleep: what comes in from here on wakes it.
  case arm
  /// The loop is awake again, or still: ends ``arm``.
  case disarm
}

/// How a port stands: the answer to a ``SleepStep``.
@frozen
public struct Readiness: Equatable, Sendable {
  /// There is something to receive or complete, so that sleeping would be wrong. Asked after ``SleepStep/arm``.
  public var hasWork: Bool
  /// The source has ended: nothing will be received any more.
  public var isExhausted: Bool
  /// When the next ``SleepStep/tick(_:)`` is due, at the latest. Asked after one.
  public var deadline: MonotonicTime

  @inlinable
  public init(hasWork: Bool = false, isExhausted: Bool = false, deadline: MonotonicTime = .never) {
    self.hasWork = hasWork
    self.isExhausted = isExhausted
    self.deadline = deadline
  }
}
