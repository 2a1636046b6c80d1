internal import CPlatform

/// A point in time of the machine's monotonic clock, in nanoseconds since an arbitrary one.
@frozen
public struct MonotonicTime: Comparable, Hashable, Sendable, BitwiseCopyable {
  public var nanoseconds: UInt64

  @inlinable
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Now. About 20 ns: ask once per burst or more rarely.
  public static var now: MonotonicTime { MonotonicTime(nanoseconds: cplatform_monotonic_nanoseconds()) }

  /// Later than anything: no deadline.
  @inlinable
  public static var never: MonotonicTime { MonotonicTime(nanoseconds: .max) }

  @inlinable
  public static func < (first: MonotonicTime, second: MonotonicTime) -> Bool { first.nanoseconds < second.nanoseconds }

  /// The time this number of milliseconds later.
  @inlinable
  public func advanced(byMilliseconds count: UInt64) -> MonotonicTime {
    MonotonicTime(nanoseconds: nanoseconds &+ count &* 1_000_000)
  }
}
