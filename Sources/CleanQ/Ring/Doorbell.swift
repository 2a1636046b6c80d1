internal import CPlatform
internal import Glibc
public import Synchronization

/// Wakes the consumer of a ring when it sleeps, and costs a load when it does not.
///
/// No wake-up is lost. The consumer arms and then looks at the ring again; the producer publishes and then looks at the
/// arm. A full (store-load) fence stands between the two steps on either side, so at least one of them sees the other.
@usableFromInline
final class Doorbell: Sendable {
  /// 1 while the consumer sleeps or is about to.
  @usableFromInline let isArmed = Atomic<UInt32>(0)
  /// Readable while a ring of the bell has not been heard.
  let file: Int32

  init() throws(QueueError) {
    file = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard file >= 0 else { throw QueueError(.refused, context: "eventfd: \(systemErrorText(errno))") }
  }

  deinit { close(file) }

  /// Consumer: asks to be woken. The ring is to be looked at once more before sleeping.
  func arm() {
    isArmed.store(1, ordering: .relaxed)
    // Pairs with the fence in `ring`: either the producer sees the arm, or the consumer what was published before it.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// Consumer: is awake again. Hears what was rung meanwhile.
  func disarm() {
    isArmed.store(0, ordering: .relaxed)
    var count: UInt64 = 0
    // SAFETY: eight bytes of a local variable.
    _ = unsafe read(file, &count, 8)
  }

  /// Producer: has published something.
  @inlinable
  func ring() {
    // Pairs with the fence in `arm`.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if isArmed.load(ordering: .relaxed) != 0 { wake() }
  }

  @usableFromInline
  func wake() {
    guard isArmed.exchange(0, ordering: .relaxed) != 0 else { return }
    var one: UInt64 = 1
    // SAFETY: eight bytes of a local variable. The counter cannot overflow: it is rung once per arm.
    _ = unsafe write(file, &one, 8)
  }
}
