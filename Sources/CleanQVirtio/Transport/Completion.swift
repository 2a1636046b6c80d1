internal import CPlatform
internal import CleanQ
internal import Glibc
internal import Synchronization

/// The result of work on another thread, and a wait for it that ends.
///
/// Sendable: one thread finishes, one waits. Set-up and stop only.
final class Completion<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)

  func finish(_ result: Value) { value.withLock { $0 = result } }

  /// - Parameter cancelFile: a file that becomes readable when there is no point in waiting any longer, or -1.
  /// - Returns: nil where there is no result in time.
  func wait(milliseconds: UInt64, cancelFile: Int32 = -1) -> Value? {
    let deadline = MonotonicTime.now.advanced(byMilliseconds: milliseconds)
    while true {
      if let result = value.withLock({ $0 }) { return result }
      guard MonotonicTime.now < deadline, !Self.isReadable(cancelFile) else { return nil }
      usleep(100)
    }
  }

  private static func isReadable(_ file: Int32) -> Bool {
    guard file >= 0 else { return false }
    var entry = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    // SAFETY: one local variable.
    return unsafe poll(&entry, 1, 0) > 0
  }
}

extension VirtioTransport {
  /// Runs work on the transport's thread and waits for it.
  ///
  /// - Parameter cancelFile: a file that becomes readable when there is no point in waiting any longer, or -1.
  /// - Returns: its result; nil where there is none in time. The work may still be done later.
  func performAndWait<Value: Sendable>(
    milliseconds: UInt64, cancelFile: Int32 = -1, _ work: @escaping @Sendable () -> Value
  ) -> Value? {
    let completion = Completion<Value>()
    perform { completion.finish(work()) }
    return completion.wait(milliseconds: milliseconds, cancelFile: cancelFile)
  }
}
