import CleanQ
import Glibc
import Synchronization
import Testing
import TestSupport

@Suite("RingQueue between two threads", .serialized) struct RingThreadTests {
  static let laps = 50_000

  /// The second end, which its thread takes.
  private final class Peer: @unchecked Sendable {
    // SAFETY: written before the thread starts, read by the thread only.
    var queue: RingQueue?
    let isDone = Atomic<Bool>(false)

    init(_ queue: consuming RingQueue) { self.queue = consume queue }
  }

  @Test(
    "failure 8: with acquire and release on the ring, what goes round comes back in order with its content",
    arguments: [1, 5, 32])
  func order(burstCount: Int) throws {
    let region = try Region(byteCount: 64 * 96)
    let pair = try RingQueue.pair(slotCount: 64)
    var queue = pair.first
    try queue.register(region)
    let peer = Peer(pair.second)
    let thread = Task.detached { [peer] in Self.reflect(peer) }
    var spare = Burst()
    for _ in 0..<burstCount { spare.append(try take(region.buffer(byteCount: 64))) }
    var sent: UInt64 = 0
    var returned: UInt64 = 0
    while returned < UInt64(Self.laps) {
      for index in 0..<spare.count {
        sent += 1
        check(spare[index].setValid(offset: 0, byteCount: 8))
        var bytes = spare[index].mutableBytes
        for byte in 0..<8 { bytes[byte] = UInt8(truncatingIfNeeded: sent >> (8 * UInt64(byte))) }
      }
      check(queue.enqueue(&spare) == nil)
      while spare.isEmpty { queue.dequeue(into: &spare) }
      for index in 0..<spare.count {
        returned += 1
        var value: UInt64 = 0
        for byte in 0..<8 { value |= UInt64(spare[index].bytes[byte]) << (8 * UInt64(byte)) }
        guard ~value == returned else {
          Issue.record("buffer \(returned) came back as \(~value)")
          return peer.isDone.store(true, ordering: .releasing)
        }
      }
    }
    peer.isDone.store(true, ordering: .releasing)
    _ = thread
    spare.releaseAll()
  }

  private static func reflect(_ peer: Peer) {
    guard var queue = peer.queue.take() else { return }
    var burst = Burst()
    while !peer.isDone.load(ordering: .acquiring) {
      queue.dequeue(into: &burst)
      // Touches what it was given, so that a handoff without order is a race on the content too.
      for index in 0..<burst.count {
        var bytes = burst[index].mutableBytes
        for byte in 0..<8 { bytes[byte] = ~bytes[byte] }
      }
      while !burst.isEmpty, queue.enqueue(&burst) != nil {}
    }
  }

  /// A failure that loose ownership has caused: a lost wake-up from a missing store-load fence.
  @Test(
    "failure 9: no wake-up is lost. A sleeper is woken by every notify: ten thousand sleeps on either side",
    .timeLimit(.minutes(1)))
  func wakeUps() throws {
    let region = try Region(byteCount: 4096)
    let pair = try RingQueue.pair(slotCount: 2)
    var queue = pair.first
    try queue.register(region)
    let peer = Peer(pair.second)
    Task.detached { [peer] in
      guard var queue = peer.queue.take() else { return }
      while !peer.isDone.load(ordering: .acquiring) {
        guard let buffer = Self.sleepingDequeue(&queue) else { continue }
        _ = queue.enqueue(buffer)
        queue.notify()
      }
    }
    var buffer = try take(region.buffer(byteCount: 64))
    for _ in 0..<10_000 {
      check(queue.enqueue(buffer) == nil)
      queue.notify()
      var back = Self.sleepingDequeue(&queue)
      while back == nil { back = Self.sleepingDequeue(&queue) }
      buffer = try take(back)
    }
    peer.isDone.store(true, ordering: .releasing)
    _ = queue.enqueue(buffer)
    queue.notify()
  }

  /// Sleeps until the other end notifies, a second at most, and takes what is there.
  private static func sleepingDequeue(_ queue: inout RingQueue) -> Buffer? {
    if queue.arm() {
      var file = pollfd(fd: queue.wakeFileDescriptor, events: Int16(POLLIN), revents: 0)
      // SAFETY: one local structure.
      let count = unsafe poll(&file, 1, 1000)
      if count == 0 { Issue.record("a wake-up was lost") }
    }
    queue.disarm()
    return queue.dequeue()
  }
}
