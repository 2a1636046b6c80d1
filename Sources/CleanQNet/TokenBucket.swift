public import CleanQ

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
    self.capacity = capacity
    intervalNanoseconds = 1_000_000_000 / max(1, perSecond)
    tokens = capacity
  }

  /// The limit of a Linux host for ICMP errors: a thousand a second, fifty at once. RFC 1812 § 4.3.2.8 asks for one.
  public static var icmpErrors: TokenBucket { TokenBucket(capacity: 50, perSecond: 1000) }

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
