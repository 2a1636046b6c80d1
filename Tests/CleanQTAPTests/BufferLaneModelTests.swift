import CleanQ
import Testing
import TestSupport

@testable import CleanQTAP

/// The lane against two plain arrays.
@Suite struct BufferLaneModelTests {
  @Test(arguments: 0..<20)
  func random(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let region = try Region(byteCount: 64 * 64)
    var lane = BufferLane(capacity: 16)
    var done: [Int] = []
    var waiting: [Int] = []
    // What the kernel put into buffers that were finished out of turn.
    var whole: [Int: UInt8] = [:]
    var burst = Burst()
    for _ in 0..<2000 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        let byteCount = Int.random(in: 0..<4, using: &random) == 0 ? 8 : 64
        guard lane.room > 0, let buffer = region.buffer(byteCount: byteCount) else { break }
        whole[buffer.offset] = nil
        waiting.append(buffer.offset)
        lane.append(buffer)
      case 1:
        let count = Int.random(in: 0...waiting.count, using: &random)
        lane.finishFirst(count)
        done += waiting[..<count]
        waiting.removeFirst(count)
      case 2:
        guard !waiting.isEmpty else { break }
        let index = Int.random(in: 0..<waiting.count, using: &random)
        let bytes = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 10)
        guard lane[waiting: index].fill(from: bytes.span, headroom: 0) else { break }
        // A short one in front cannot take it, and is passed by.
        let place = lane[waiting: 0].byteCount >= bytes.count ? 0 : index
        lane.finish(waiting: index)
        done.append(waiting.remove(at: place))
        whole[done[done.count - 1]] = bytes[0]
      default:
        lane.takeDone(into: &burst)
        while let buffer = burst.popFirst() {
          #expect(buffer.offset == done.removeFirst(), "seed \(seed)")
          if let byte = whole[buffer.offset] {
            check(buffer.validByteCount == 10 && buffer.bytes[9] == byte, "seed \(seed)")
          }
          buffer.release()
        }
      }
      check(lane.doneCount == done.count && lane.waitingCount == waiting.count, "seed \(seed)")
      check(lane.room == 16 - done.count - waiting.count, "seed \(seed)")
      for index in waiting.indices { check(lane[waiting: index].offset == waiting[index], "seed \(seed)") }
    }
    var accounts = BufferAccounts()
    lane.store.add(to: &accounts)
    #expect(accounts.inFlightBufferCount == done.count + waiting.count)
    #expect(accounts.inFlightByteCount == region.liveByteCount)
    #expect(lane.store.byteCount(of: region.id) == region.liveByteCount)
  }

  @Test func whatIsLeftGoesHome() throws {
    let region = try Region(byteCount: 4096)
    do {
      var lane = BufferLane(capacity: 4)
      for _ in 0..<3 { if let buffer = region.buffer(byteCount: 64) { lane.append(buffer) } }
      lane.finishFirst(1)
      #expect(region.liveBufferCount == 3)
    }
    #expect(region.liveBufferCount == 0)
    #expect(region.leakedBufferCount == 0)
  }
}

/// What the kernel could answer and must not be believed.
@Suite struct IOBatchTests {
  @Test("failures 3 and 4: completions that are forged or come twice") func answersToNothingAreCountedAndIgnored() {
    var batch = IOBatch(capacity: 4, vectorCapacity: 4)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
    defer { unsafe memory.deallocate() }
    batch.begin()
    unsafe batch.appendRead(memory, byteCount: 64)
    let stale = batch.token(0)
    check(batch.answer(stale, 10))
    batch.begin()
    unsafe batch.appendWrite(memory, byteCount: 64)
    unsafe batch.appendRead(memory, byteCount: 64)
    check(!batch.answer(stale, 1), "an earlier batch's")
    check(!batch.answer(batch.token(2), 1), "beyond the batch")
    check(!batch.answer(batch.token(0) | 0xFFFF_FFFF, 1), "far beyond the batch")
    check(!batch.answer(.max, 1))
    check(batch[0].result == IOBatch.unanswered && batch[1].result == IOBatch.unanswered)
    check(batch.answer(batch.token(1), -11))
    check(!batch.answer(batch.token(1), 60), "a second answer")
    check(batch[1].result == -11)
    check(batch.unexpectedAnswerCount == 5)
    check(batch.writeCount == 1 && batch.count == 2)
  }

  @Test func budgetGrowsWithWhatIsFoundAndShrinks() {
    var budget = ReadBudget()
    #expect(budget.count == ReadBudget.least)
    for _ in 0..<10 { budget.learn(asked: budget.count, found: budget.count) }
    #expect(budget.count == Burst.capacity)
    budget.learn(asked: 32, found: 5)
    #expect(budget.count == 5 + ReadBudget.margin)
    budget.learn(asked: 7, found: 0)
    #expect(budget.count == ReadBudget.least)
  }
}
