internal import Glibc

/// Every signal of the calling thread, blocked until ``restore()``.
///
/// A write to a closed pipe raises SIGPIPE and one beyond the file size limit SIGXFSZ, both deadly by default. Threads of our
/// own have every signal blocked; this is for what is written before they run.
package struct SignalMask: ~Copyable {
  private var before = sigset_t()

  package init() {
    var all = sigset_t()
    // SAFETY: the sets are this value's own.
    _ = unsafe sigfillset(&all)
    _ = unsafe pthread_sigmask(SIG_BLOCK, &all, &before)
  }

  /// Takes away what a write here has raised, and lets the signals through again that came from elsewhere.
  package consuming func restore() {
    var raised = sigset_t()
    var noWait = timespec(tv_sec: 0, tv_nsec: 0)
    // SAFETY: as above. Both signals go to the thread that wrote, so no other thread's signal is taken.
    _ = unsafe sigemptyset(&raised)
    _ = unsafe sigaddset(&raised, SIGPIPE)
    _ = unsafe sigaddset(&raised, SIGXFSZ)
    while unsafe sigtimedwait(&raised, nil, &noWait) > 0 {}
    _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
  }
}
