internal import CleanQ
internal import Glibc

/// The finest digit of a capture's timestamps.
public enum TimestampPrecision: String, Sendable, Hashable, CaseIterable {
  case micro
  case nano
}

/// A point in time of the wall clock, as captures have it. Sendable.
public struct CaptureTime: Sendable, Hashable {
  /// Since 1970-01-01 00:00 UTC.
  public var seconds: Int
  /// Of the second: 0 ... 999 999 999.
  public var nanoseconds: Int

  public init(seconds: Int, nanoseconds: Int) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// When a packet was captured that comes from a capture.
  init(_ record: CaptureRecord) {
    self.init(seconds: Int(record.seconds), nanoseconds: Int(record.nanoseconds))
  }

  /// Now. About 20 ns: ask once per burst.
  public static var now: CaptureTime {
    var time = timespec()
    // SAFETY: the structure is this function's own; the clock exists.
    _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
    return CaptureTime(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
  }
}
