internal import CPlatform
internal import CleanQ
internal import Glibc

/// The operating-system threads of one pipeline, each tied to a CPU where one is given.
///
/// Every signal is blocked in them, so that signals go to the program's own threads, and a closed pipe is an error of the
/// write and not the end of the process.
final class Threads {
  private var handles: [pthread_t] = []

  /// What a new thread takes with it.
  private final class Start {
    let cpu: Int?
    let body: () -> Void

    init(cpu: Int?, body: @escaping () -> Void) {
      self.cpu = cpu
      self.body = body
    }
  }

  /// Starts a thread.
  ///
  /// - Parameter cpu: one that ``isAllowed(cpu:)`` allows, or nil.
  /// - Throws: StageError where the system has no room for a thread.
  func start(name: String, cpu: Int?, body: @escaping () -> Void) throws(StageError) {
    var handle = pthread_t()
    var blocked = sigset_t()
    var previous = sigset_t()
    // SAFETY: the sets are local variables.
    unsafe sigfillset(&blocked)
    unsafe pthread_sigmask(SIG_BLOCK, &blocked, &previous)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }
    // SAFETY: the box is retained here and released by the thread that gets its address, or below where there is none.
    let box = unsafe Unmanaged.passRetained(Start(cpu: cpu, body: body))
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        if let cpu = start.cpu { _ = cplatform_pin_current_thread(Int32(cpu)) }
        start.body()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      unsafe box.release()
      throw StageError("pipeline", "cannot start a thread: \(systemErrorText(code))", errno: code)
    }
    handles.append(handle)
    // SAFETY: the name lives for the call.
    _ = unsafe pthread_setname_np(handle, name)
  }

  /// Waits until every thread has ended.
  func join() {
    for handle in handles { pthread_join(handle, nil) }
    handles.removeAll()
  }

  /// Whether this process may run on the CPU.
  static func isAllowed(cpu: Int) -> Bool { cplatform_cpu_is_allowed(Int32(clamping: cpu)) == 1 }
}
