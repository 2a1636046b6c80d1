import CPlatform
import Glibc
import Synchronization

/// A thread on a CPU of its own for as long as something is measured.
final class Companion: @unchecked Sendable {
  /// Tells the thread's body to return.
  let isStopped = Atomic<Bool>(false)
  // SAFETY: called by the thread alone, once.
  private let body: (Companion) -> Void
  private let cpu: Int32
  private var handle = pthread_t()

  init(on cpu: Int32, _ body: @escaping (Companion) -> Void) {
    self.cpu = cpu
    self.body = body
  }

  func start() {
    // SAFETY: the reference is retained here and released by the thread.
    let box = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let companion = unsafe Unmanaged<Companion>.fromOpaque(argument).takeRetainedValue()
        _ = cplatform_pin_current_thread(companion.cpu)
        companion.body(companion)
        return nil
      }, box)
    guard code == 0 else { fatalError("no thread: error \(code)") }
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    pthread_join(handle, nil)
  }
}

/// Carries one end of a queue into a thread.
final class Parcel<Value: ~Copyable>: @unchecked Sendable {
  // SAFETY: filled before the thread starts and emptied by it.
  private var value: Value?

  init(_ value: consuming Value) { self.value = consume value }

  func take() -> Value {
    guard let value = value.take() else { fatalError("a parcel was opened twice") }
    return value
  }
}
