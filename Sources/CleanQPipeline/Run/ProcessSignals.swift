internal import CPlatform
internal import CleanQ
internal import CleanQPlatform
internal import Glibc
internal import Synchronization

/// SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 as bytes in a file: while a value exists they do not end the process but wake
/// the thread that polls ``file``.
///
/// What this changes it puts back when it goes: the dispositions when the last value goes, and the mask of the thread that made
/// it. A signal that is ignored stays ignored (nohup, background jobs of a shell), and SIGHUP, SIGUSR1 and SIGUSR2 are left to
/// a program that handles them itself.
///
/// Thread-confined: it goes on the thread that made it.
package struct ProcessSignals: ~Copyable {
  /// Readable when ``take()`` has something.
  package let file: Int32
  /// Readable from the first signal on that ends a pipeline: SIGINT, SIGTERM or SIGHUP.
  package let endFile: Int32
  private let input: Int32
  private let slot: Int32
  /// What of them the thread had blocked.
  private let blocked: [Int32]

  static let ending = [SIGINT, SIGTERM, SIGHUP]
  private static let others = [SIGUSR1, SIGUSR2]

  /// - Throws: StageError where the process has no file descriptors left, or 16 values exist already.
  package init() throws(StageError) {
    let opened = try Self.open()
    file = opened.file
    input = opened.input
    endFile = opened.endFile
    slot = opened.slot
    blocked = Self.unblock(SignalDispositions.take(ending: Self.ending, others: Self.others))
  }

  deinit {
    Self.block(blocked)
    SignalDispositions.putBack()
    cplatform_signal_forget(slot)
    close(file)
    close(input)
    close(endFile)
  }

  /// The signals that came since it was last asked, in their order.
  package func take() -> [Int32] {
    var bytes = [UInt8](repeating: 0, count: 64)
    // SAFETY: the array outlives the call and its count is passed with it.
    let count = unsafe read(file, &bytes, bytes.count)
    return bytes.prefix(max(0, count)).map { Int32($0) }
  }

  /// Waits until ``file`` or `other` is readable, for a time; without end where that is negative.
  package func wait(or other: Int32, timeoutMilliseconds: Int = -1) {
    var files = [
      pollfd(fd: file, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0),
    ]
    // SAFETY: the array outlives the call and its count is passed with it.
    _ = unsafe poll(&files, 2, Int32(clamping: timeoutMilliseconds))
  }

  /// The name of one of them.
  package static func name(of signal: Int32) -> String {
    switch signal {
    case SIGINT: "SIGINT"
    case SIGTERM: "SIGTERM"
    case SIGHUP: "SIGHUP"
    case SIGUSR1: "SIGUSR1"
    case SIGUSR2: "SIGUSR2"
    default: "signal \(signal)"
    }
  }

  private static func open() throws(StageError) -> (file: Int32, input: Int32, endFile: Int32, slot: Int32) {
    var ends: [Int32] = [-1, -1]
    // SAFETY: the array has room for the two ends.
    guard unsafe pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else {
      throw StageError("pipeline", "no pipe for signals: \(systemErrorText(errno))", errno: errno)
    }
    let endFile = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    let bits = ending.reduce(UInt64(0)) { $0 | 1 << UInt64($1) }
    let slot = endFile < 0 ? -1 : cplatform_signal_watch(ends[1], endFile, bits)
    guard slot >= 0 else {
      for file in ends + [endFile] where file >= 0 { close(file) }
      throw StageError("pipeline", "too many pipelines wait for signals; run fewer at a time")
    }
    return (ends[0], ends[1], endFile, slot)
  }

  /// Unblocks signals in this thread. Returns which of them it had blocked.
  private static func unblock(_ signals: [Int32]) -> [Int32] {
    var before = sigset_t()
    var set = Self.set(of: signals)
    // SAFETY: both sets are local variables, alive for the calls.
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, &before)
    return signals.filter { unsafe sigismember(&before, $0) == 1 }
  }

  private static func block(_ signals: [Int32]) {
    guard !signals.isEmpty else { return }
    var set = Self.set(of: signals)
    // SAFETY: the set is a local variable.
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  private static func set(of signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    // SAFETY: the set is a local variable.
    unsafe sigemptyset(&set)
    for signal in signals { unsafe sigaddset(&set, signal) }
    return set
  }
}

/// What signals do to the process, and what they did before the first ``ProcessSignals``.
private enum SignalDispositions {
  private struct State {
    var userCount = 0
    var before: [Int32: sigaction] = [:]
  }

  private static let state = Mutex(State())

  /// - Returns: the signals that come to the watchers from here on.
  static func take(ending: [Int32], others: [Int32]) -> [Int32] {
    state.withLock { state in
      state.userCount += 1
      for signal in ending + others where state.before[signal] == nil {
        let disposition = cplatform_signal_disposition(signal)
        guard disposition != CPLATFORM_SIGNAL_IGNORED else { continue }
        // SIGINT and SIGTERM end what waits for them; the rest is the program's if it handles them.
        guard disposition == CPLATFORM_SIGNAL_DEFAULT || signal == SIGINT || signal == SIGTERM else { continue }
        var before = sigaction()
        // SAFETY: a local variable.
        guard unsafe cplatform_signal_install(signal, others.contains(signal) ? 1 : 0, &before) == 0 else { continue }
        state.before[signal] = before
      }
      return Array(state.before.keys)
    }
  }

  /// Undoes that with the last user. What the program has set in the meantime stays.
  static func putBack() {
    state.withLock { state in
      state.userCount -= 1
      guard state.userCount == 0 else { return }
      for (signal, before) in state.before where cplatform_signal_disposition(signal) == CPLATFORM_SIGNAL_WATCHED {
        var before = before
        // SAFETY: a local variable.
        unsafe cplatform_signal_restore(signal, &before)
      }
      state.before = [:]
    }
  }
}
