/// Limits how often something is done: a burst at once, then a steady rate.
@frozen
public struct TokenBucket: Sendable {
  /// Tokens that a full bucket holds.
  public let capacity: UInt64
  /// Nanoseconds in which one token grows back.
  public let intervalNanoseconds: UInt64
  @usableFromInline var tokens: UInt64
  @usableFromInline var refilled = MonotonicTime(nanoseconds: 0)

  /// - Parameters:
  ///   - capacity: how many may be taken at once.
  ///   - perSecond: how many grow back in a second, 1 ... 10⁹.
  public init(capacity: UInt64, perSecond: UInt64) {
    self.init(capacity: capacity, intervalNanoseconds: 1_000_000_000 / max(1, perSecond))
  }

  /// - Parameters:
  ///   - capacity: how many may be taken at once.
  ///   - intervalNanoseconds: how long it takes until one has grown back, > 0.
  public init(capacity: UInt64, intervalNanoseconds: UInt64) {
    self.capacity = capacity
    self.intervalNanoseconds = max(1, intervalNanoseconds)
    tokens = capacity
  }

  /// Takes a token.
  ///
  /// - Returns: false where there is none.
  /// - Complexity: O(1).
  public mutating func take(at now: MonotonicTime) -> Bool {
    let grown = (now.nanoseconds &- min(refilled.nanoseconds, now.nanoseconds)) / intervalNanoseconds
    if grown > 0 {
      tokens = min(capacity, tokens &+ min(grown, capacity))
      refilled = MonotonicTime(nanoseconds: refilled.nanoseconds &+ grown &* intervalNanoseconds)
    }
    guard tokens > 0 else { return false }
    tokens -= 1
    return true
  }
}
