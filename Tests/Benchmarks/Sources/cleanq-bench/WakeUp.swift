import ArgumentParser
import CPlatform
import CleanQ
import Glibc
import Synchronization

/// The time from just before an enqueue and notify to the moment when a thread that slept on the other core has the buffer.
struct WakeUp: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "wake-up")
  /// How long the other thread is left in its sleep: longer than it takes to get there.
  private static let restNanoseconds: UInt64 = 60_000

  @Option(help: "Wake-ups.")
  var count = 10_000
  @Option var cpus = CPUs()

  func run() throws {
    let region = try Region(byteCount: Ring.bufferByteCount)
    let pair = try RingQueue.pair(slotCount: Ring.slotCount)
    var first = pair.first
    try first.register(region)
    var buffers = carve(1, from: region)
    guard var buffer = buffers.popFirst() else { fatalError("the region is too small") }
    _ = cplatform_pin_current_thread(cpus.first)
    let arrival = Arrival()
    let parcel = Parcel(pair.second)
    let sleeper = Companion(on: cpus.second) { companion in
      var queue = parcel.take()
      Self.sleepAndReturn(&queue, arrival, companion)
    }
    sleeper.start()
    var latencies = Latencies()
    for _ in 0..<count {
      Self.rest()
      let start = cplatform_monotonic_nanoseconds()
      if first.enqueue(buffer) != nil { fatalError("refused") }
      first.notify()
      var back = first.dequeue()
      while back == nil { back = first.dequeue() }
      guard let arrived = back.take() else { fatalError("lost") }
      buffer = arrived
      latencies.record(arrival.nanoseconds.load(ordering: .relaxed) - start)
    }
    sleeper.isStopped.store(true, ordering: .relaxed)
    _ = first.enqueue(buffer)
    first.notify()
    sleeper.stop()
    Figure(name: "wake-up", unit: "ns", latencies).print()
  }

  private static func rest() {
    let start = cplatform_monotonic_nanoseconds()
    while cplatform_monotonic_nanoseconds() - start < restNanoseconds { cplatform_pause() }
  }

  /// Sleeps until something arrives, notes when, and sends it back.
  private static func sleepAndReturn(_ queue: inout RingQueue, _ arrival: Arrival, _ companion: Companion) {
    var file = pollfd(fd: queue.wakeFileDescriptor, events: Int16(POLLIN), revents: 0)
    while !companion.isStopped.load(ordering: .relaxed) {
      // SAFETY: one entry, this function's own.
      if queue.arm() { _ = unsafe poll(&file, 1, -1) }
      queue.disarm()
      guard let buffer = queue.dequeue() else { continue }
      // Published by the release of the enqueue that follows.
      arrival.nanoseconds.store(cplatform_monotonic_nanoseconds(), ordering: .relaxed)
      if queue.enqueue(buffer) != nil { return }
    }
  }
}

/// When the sleeper had the buffer.
private final class Arrival: Sendable {
  let nanoseconds = Atomic<UInt64>(0)
}
