internal import CPlatform
internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// The operating-system threads of one pipeline, each tied to a CPU where one is given.
final class Threads {
  private var threads: [SystemThread] = []

  /// Starts a thread.
  ///
  /// - Parameter cpu: one that ``isAllowed(cpu:)`` allows, or nil.
  /// - Throws: StageError where the system has no room for a thread.
  func start(name: String, cpu: Int?, body: @escaping () -> Void) throws(StageError) {
    let thread = SystemThread(name: name) {
      if let cpu { _ = cplatform_pin_current_thread(Int32(cpu)) }
      body()
    }
    guard let thread else {
      throw StageError("pipeline", "cannot start a thread: \(systemErrorText(errno))", errno: errno)
    }
    threads.append(thread)
  }

  /// Waits until every thread has ended.
  func join() {
    for thread in threads { thread.join() }
    threads.removeAll()
  }

  /// Leaves the threads to themselves: one of them does not end.
  func abandon() {
    for thread in threads { thread.detach() }
    threads.removeAll()
  }

  /// Whether this process may run on the CPU.
  static func isAllowed(cpu: Int) -> Bool { cplatform_cpu_is_allowed(Int32(clamping: cpu)) == 1 }
}
