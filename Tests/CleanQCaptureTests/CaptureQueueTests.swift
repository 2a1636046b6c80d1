import Foundation
import Testing
import TestSupport

@testable import CleanQCapture

/// The ring between the thread that captures and the one that writes.
@Suite struct CaptureQueueTests {
  private func put(_ bytes: [UInt8], into queue: CaptureQueue, at position: Int) {
    unsafe bytes.withUnsafeBytes { bytes in
      // SAFETY: the array lives during the call.
      unsafe queue.copy(bytes, to: position)
    }
  }

  private func take(_ queue: CaptureQueue, from position: Int, to end: Int) -> [UInt8] {
    // SAFETY: published by this test, and released after.
    unsafe Array(queue.bytes(from: position, to: end))
  }

  @Test func `what is not published is not there`() {
    let queue = CaptureQueue()
    put([1, 2, 3], into: queue, at: 0)
    #expect(queue.published == 0)
    queue.publish(3)
    #expect(queue.published == 3)
    #expect(take(queue, from: 0, to: 3) == [1, 2, 3])
    #expect(queue.released == 0)
    queue.release(2)
    #expect(queue.released == 2)
  }

  @Test func `bytes and words lie across the end of the ring`() {
    let queue = CaptureQueue()
    let end = 3 * CaptureQueue.byteCount
    for offset in 0...6 {
      let start = end - offset
      put([1, 2, 3, 4, 5, 6], into: queue, at: start)
      #expect(take(queue, from: start, to: min(end, start + 6)) == Array([1, 2, 3, 4, 5, 6].prefix(offset)))
      if offset < 6 {
        #expect(take(queue, from: end, to: start + 6).elementsEqual([1, 2, 3, 4, 5, 6].suffix(6 - offset)))
      }
      #expect(queue.word(at: start) == 0x0403_0201)
    }
  }

  /// One thread copies in blocks of any length as far as there is room, the other takes and releases any part of them.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func `two threads pass every byte on, in order`(seed: UInt64) async {
    let queue = CaptureQueue()
    let total = 3 * CaptureQueue.byteCount + 12_345
    func pattern(_ position: Int) -> UInt8 { UInt8(truncatingIfNeeded: position &* 31 &+ position >> 8) }
    async let isRight = Task.detached {
      var random = SeededGenerator(seed: seed + 100)
      var position = 0
      while position < total {
        let end = queue.published
        guard position < end else {
          sched_yield()
          continue
        }
        let bytes = take(queue, from: position, to: min(end, position + Int.random(in: 1...70_000, using: &random)))
        for (index, byte) in bytes.enumerated() where byte != pattern(position + index) { return false }
        position += bytes.count
        queue.release(position)
      }
      return true
    }.value
    var random = SeededGenerator(seed: seed)
    var position = 0
    while position < total {
      let count = min(Int.random(in: 1...100_000, using: &random), total - position)
      while position + count - queue.released > CaptureQueue.byteCount { sched_yield() }
      put((position..<position + count).map(pattern), into: queue, at: position)
      position += count
      queue.publish(position)
    }
    #expect(await isRight, "seed \(seed)")
  }
}
