internal import CPlatform
public import CleanQ
internal import Glibc

/// How a loop without work waits: it spins for a while, then sleeps on file descriptors until a port, a deadline or the
/// end of the pipeline wakes it.
@usableFromInline
struct IdleWait: ~Copyable {
  private var descriptors: [pollfd]
  private var spin: AdaptiveSpin
  private var idleSince: MonotonicTime?
  /// How long the gap is that a wake-up has ended; nil where the loop has not slept since its last work.
  private var sleptNanoseconds: UInt64?

  /// - Parameters:
  ///   - files: what wakes the loop, the stop signal among them.
  ///   - longestSpinNanoseconds: how long it spins after its last work, at most.
  @usableFromInline
  init(files: [Int32], longestSpinNanoseconds: UInt64) {
    descriptors = files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    spin = AdaptiveSpin(longestNanoseconds: longestSpinNanoseconds)
  }

  /// There was work.
  @usableFromInline
  mutating func reset() {
    guard idleSince != nil else { return }
    idleSince = nil
    if let gap = sleptNanoseconds.take() { spin.noteSlept(gapNanoseconds: gap) } else { spin.noteSpun() }
  }

  /// Whether the loop has spun long enough to go to sleep; else pauses the processor for a moment.
  @usableFromInline
  mutating func spinExpired(at now: MonotonicTime) -> Bool {
    let since = idleSince ?? now
    idleSince = since
    if now.nanoseconds &- since.nanoseconds >= spin.nanoseconds { return true }
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
    sleptNanoseconds = MonotonicTime.now.nanoseconds &- (idleSince ?? now).nanoseconds
  }
}
