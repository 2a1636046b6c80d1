/// How long to wait before a device is tried again: twice as long as the last time, up to a limit.
///
/// A success resets it only if it lasted: a device that agrees and then hangs up, over and over, is tried ever more rarely.
struct BackOff: Sendable {
  /// How long a device has to have worked for the delay to begin anew.
  static let lastingNanoseconds: UInt64 = 5_000_000_000

  private let firstMilliseconds: UInt64
  private let longestMilliseconds: UInt64
  private var milliseconds: UInt64 = 0

  init(firstMilliseconds: UInt64, longestMilliseconds: UInt64) {
    (self.firstMilliseconds, self.longestMilliseconds) = (firstMilliseconds, longestMilliseconds)
  }

  /// The next delay in milliseconds, after the device worked for a time.
  mutating func next(afterNanoseconds life: UInt64 = 0) -> UInt64 {
    if life >= Self.lastingNanoseconds { reset() }
    milliseconds = milliseconds == 0 ? firstMilliseconds : min(2 * milliseconds, longestMilliseconds)
    return milliseconds
  }

  mutating func reset() { milliseconds = 0 }
}
