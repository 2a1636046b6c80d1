internal import CPlatform
internal import CleanQ
internal import Glibc

/// SIGINT and SIGTERM as a file descriptor: while a value exists they do not end the process but wake ``wait(or:)``.
///
/// Make it before any thread is started, so that every thread inherits the mask.
public struct TerminationSignals: ~Copyable {
  private let file: Int32

  /// - Throws: StageError where the process has no file descriptors left.
  public init() throws(StageError) {
    var signals = sigset_t()
    // SAFETY: the set is a local variable, and each pointer to it lives for one call.
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGINT)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    file = unsafe signalfd(-1, &signals, Int32(SFD_CLOEXEC))
    guard file >= 0 else { throw StageError("pipeline", "signalfd: \(systemErrorText(errno))", errno: errno) }
  }

  deinit { close(file) }

  /// Waits for a signal or until `other` is readable.
  public func wait(or other: Int32) { while !wait(or: other, timeoutMilliseconds: -1) {} }

  /// The same for a time, without end where it is negative. Returns false where neither has come.
  public func wait(or other: Int32, timeoutMilliseconds: Int) -> Bool {
    var files = [
      pollfd(fd: file, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0),
    ]
    // SAFETY: the array outlives the call and its count is passed with it.
    return unsafe poll(&files, 2, Int32(clamping: timeoutMilliseconds)) > 0
  }
}
