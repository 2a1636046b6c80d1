internal import Synchronization

/// Keeps deregister and the handoff of a strange buffer apart.
///
/// A buffer that the far end enqueues with the note counts as away until it counts as in flight, so deregister sees it, and the
/// near end is the one that deregisters. A strange buffer, which the far end got past the queue, counts nowhere before it is handed
/// over. So that end looks the region up, counts and publishes under this lock, under which deregister looks a last time and
/// takes the region out of the table. Common buffers go without it.
@usableFromInline
final class DeregistrationLock: Sendable {
  private let mutex = Mutex(())

  func withLock<Result: ~Copyable, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    try mutex.withLock { (_) throws(Failure) in try body() }
  }
}
