internal import Glibc

/// What poll(2) says of files.
package enum FileReadiness {
  /// Whether a file can be read without waiting, or has ended, at the latest after a time. A negative descriptor never can.
  package static func isReadable(_ file: Int32, timeoutMilliseconds: Int = 0) -> Bool {
    wait(for: file, Int16(POLLIN), timeoutMilliseconds) > 0
  }

  /// Whether a file takes bytes without waiting, or takes none any more.
  package static func isWritable(_ file: Int32) -> Bool { wait(for: file, Int16(POLLOUT), 0) > 0 }

  private static func wait(for file: Int32, _ events: Int16, _ milliseconds: Int) -> Int32 {
    var entry = pollfd(fd: file, events: events, revents: 0)
    // SAFETY: one local variable.
    return unsafe poll(&entry, 1, Int32(clamping: milliseconds))
  }

  /// Waits until one of some files can be read, a time is over, or a signal comes.
  ///
  /// - Parameter timeoutMilliseconds: the longest to wait; negative for as long as it takes.
  package static func waitUntilReadable(_ files: Int32..., timeoutMilliseconds: Int) {
    var entries = files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    // SAFETY: the array is alive for the call, and its count goes with it.
    _ = unsafe poll(&entries, nfds_t(entries.count), Int32(clamping: timeoutMilliseconds))
  }
}
