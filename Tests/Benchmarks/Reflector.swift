import CPlatform
import CleanQ
import Glibc
import Synchronization

/// A thread on CPU 1 that sends back whatever comes through its end of a ring.
final class Reflector: @unchecked Sendable {
  // SAFETY: `queue` is touched by the thread only once it runs.
  private var queue: RingQueue?
  private let burst: Int
  private let isStopped = Atomic<Bool>(false)
  private var handle = pthread_t()

  init(_ queue: consuming RingQueue, burst: Int) {
    self.queue = consume queue
    self.burst = burst
  }

  func start() {
    // SAFETY: the reference is retained here and released by the thread.
    let box = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Reflector>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, box)
    precondition(code == 0, "no thread")
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    pthread_join(handle, nil)
  }

  private func run() {
    guard var queue = queue.take() else { return }
    _ = cplatform_pin_current_thread(1)
    if burst == 1 { reflectSingly(&queue) } else { reflectBursts(&queue) }
  }

  private func reflectSingly(_ queue: inout RingQueue) {
    while !isStopped.load(ordering: .relaxed) {
      guard let buffer = queue.dequeue() else { continue }
      if queue.enqueue(buffer) != nil { fatalError("refused") }
    }
  }

  private func reflectBursts(_ queue: inout RingQueue) {
    var buffers = Burst()
    while !isStopped.load(ordering: .relaxed) {
      queue.dequeue(into: &buffers)
      while !buffers.isEmpty { if queue.enqueue(&buffers) == .closed { return } }
    }
  }
}
