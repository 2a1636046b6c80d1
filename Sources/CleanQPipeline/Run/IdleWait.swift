internal import CPlatform
public import CleanQ
internal import Glibc

/// How a loop without work waits: it spins for a while, then sleeps on file descriptors until a port, a deadline or the
/// end of the pipeline wakes it.
@usableFromInline
struct IdleWait: ~Copyable {
  /// How long a loop spins after its last work. A sleep and its wake-up cost several microseconds each; under load the
  /// next burst comes sooner than this.
  static let spinNanoseconds: UInt64 = 50_000

  private var descriptors: [pollfd]
  private var idleSince: MonotonicTime?

  /// - Parameter files: what wakes the loop, the stop signal among them.
  @usableFromInline
  init(files: [Int32]) {
    descriptors = files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  }

  /// There was work.
  @usableFromInline
  mutating func reset() { idleSince = nil }

  /// Whether the loop has spun long enough to go to sleep; else pauses the processor for a moment.
  @usableFromInline
  mutating func spinExpired(at now: MonotonicTime) -> Bool {
    guard let since = idleSince else {
      idleSince = now
      return false
    }
    if now.nanoseconds &- since.nanoseconds >= Self.spinNanoseconds { return true }
    cplatform_pause()
    return false
  }

  /// Sleeps until a file is readable, or `deadline`.
  @usableFromInline
  mutating func sleep(now: MonotonicTime, until deadline: MonotonicTime) {
    var timeoutMilliseconds: Int32 = -1
    if deadline < .never {
      let left = deadline > now ? deadline.nanoseconds - now.nanoseconds : 0
      timeoutMilliseconds = Int32(clamping: left / 1_000_000 + 1)
    }
    // SAFETY: the array outlives the call and its count is passed with it.
    _ = unsafe poll(&descriptors, nfds_t(descriptors.count), timeoutMilliseconds)
    idleSince = nil
  }
}
