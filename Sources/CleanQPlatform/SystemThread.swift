internal import CPlatform
internal import Glibc

/// A thread of the operating system's, with every signal blocked: those go to the program's own threads, and a closed pipe is an
/// error of the write and not the end of the process.
package struct SystemThread: Sendable {
  private let handle: pthread_t

  /// What a new thread takes with it.
  private final class Start {
    let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// Starts a thread. Sets `errno` and returns nil where the system has no room for one.
  ///
  /// - Parameters:
  ///   - name: at most 15 bytes, for those who list threads.
  ///   - body: what it does; sent to the thread.
  package init?(name: String, _ body: @escaping () -> Void) {
    var handle = pthread_t()
    var blocked = sigset_t()
    var previous = sigset_t()
    // SAFETY: the sets are local variables.
    unsafe sigfillset(&blocked)
    // A fault of the thread's own is delivered: a blocked one ends the process, even with a handler.
    for fault in [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] { unsafe sigdelset(&blocked, fault) }
    unsafe pthread_sigmask(SIG_SETMASK, &blocked, &previous)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }
    // SAFETY: the box is retained here and released by the thread that gets its address, or below where there is none.
    let box = unsafe Unmanaged.passRetained(Start(body))
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      unsafe box.release()
      errno = code
      return nil
    }
    // SAFETY: the name lives for the call.
    _ = unsafe pthread_setname_np(handle, name)
    self.handle = handle
  }

  /// Waits until the thread has ended. Once.
  package func join() { pthread_join(handle, nil) }

  /// Leaves the thread to itself, instead of ``join()``: nobody waits for its end.
  package func detach() { pthread_detach(handle) }
}
