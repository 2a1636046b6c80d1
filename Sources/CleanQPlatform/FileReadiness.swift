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

  /// Waits for one of some files. Their `revents` say which; none does where a signal came first.
  ///
  /// - Parameter timeoutMilliseconds: the longest to wait; negative for as long as it takes.
  /// - Returns: how many are ready, 0 after the time, negative with `errno` set where a signal came.
  @discardableResult
  package static func wait(_ files: inout [pollfd], timeoutMilliseconds: Int) -> Int32 {
    // SAFETY: the array is alive for the call, and its count goes with it.
    unsafe files.withUnsafeMutableBufferPointer {
      unsafe poll($0.baseAddress, nfds_t($0.count), Int32(clamping: timeoutMilliseconds))
    }
  }
}
