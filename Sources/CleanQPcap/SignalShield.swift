internal import Glibc

/// Runs C calls that write to a file so that nothing but their result tells of trouble.
///
/// A write to a closed pipe raises SIGPIPE and one beyond the file size limit SIGXFSZ, both deadly by default; and a write
/// that a signal interrupts loses what stdio had buffered. So the calling thread's signals wait outside, and those two
/// are taken away if the write raised them. Three system calls in all: once per some 100 KiB of capture.
///
/// - Parameter body: the calls; returns 0 or an errno.
/// - Returns: what `body` returned.
func shieldedFromSignals(_ body: () -> Int32) -> Int32 {
  var all = sigset_t()
  var before = sigset_t()
  // SAFETY: the sets are this function's own.
  _ = unsafe sigfillset(&all)
  let masked = unsafe pthread_sigmask(SIG_BLOCK, &all, &before)
  let result = body()
  if result != 0 {
    var raised = sigset_t()
    var noWait = timespec(tv_sec: 0, tv_nsec: 0)
    // SAFETY: as above. Both signals go to the thread that wrote, so no other thread's signal is taken.
    _ = unsafe sigemptyset(&raised)
    _ = unsafe sigaddset(&raised, SIGPIPE)
    _ = unsafe sigaddset(&raised, SIGXFSZ)
    while unsafe sigtimedwait(&raised, nil, &noWait) > 0 {}
  }
  // SAFETY: as above.
  if masked == 0 { _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
  return result
}
