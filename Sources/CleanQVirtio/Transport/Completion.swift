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

  /// - Returns: nil where there is no result in time.
  func wait(milliseconds: UInt64) -> Value? {
    let deadline = MonotonicTime.now.advanced(byMilliseconds: milliseconds)
    while true {
      if let result = value.withLock({ $0 }) { return result }
      guard MonotonicTime.now < deadline else { return nil }
      usleep(100)
    }
  }
}

extension VirtioTransport {
  /// Runs work on the transport's thread and waits for it.
  ///
  /// - Returns: its result; nil where there is none in time. The work may still be done later.
  func performAndWait<Value: Sendable>(
    milliseconds: UInt64, _ work: @escaping @Sendable () -> Value
  ) -> Value? {
    let completion = Completion<Value>()
    perform { completion.finish(work()) }
    return completion.wait(milliseconds: milliseconds)
  }
}
