import CleanQ
import Logging
import Synchronization
import Testing
import TestSupport

@testable import CleanQPipeline

/// A device that receives buffers of a region that it alone knows, one every few packets, among those of the pipeline.
struct StrangerPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit
  var lower: Lower
  let region: Region
  var receiveCount = 0
  let strangerCount = 5

  mutating func receive(into filled: inout Burst) {
    receiveCount += 1
    if receiveCount % 10 == 0, receiveCount <= strangerCount * 10, filled.room > 0,
      var buffer = region.buffer(byteCount: 256)
    {
      buffer.reset()
      check(buffer.setValid(offset: 64, byteCount: 64))
      filled.append(buffer)
    }
    lower.receive(into: &filled)
  }
}

struct Stranger: PassThroughStage {
  var shape: StageShape { .passThrough }

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    do { return try next(StrangerPort(lower: lower, region: try Region(byteCount: 65_536))) } catch {
      throw StageError("stranger", "\(error)")
    }
  }
}

/// A region that two stages know, of which the upper one registers it late.
final class LateRegion: Sendable {
  let region: Region
  let madeCount = Atomic<Int>(0)
  let isRegistered = Atomic<Bool>(false)
  let keptCount = Atomic<Int>(0)

  init() throws { region = try Region(byteCount: 65_536) }
}

/// Receives two buffers of the late region before it is registered above, and three after that.
struct EarlyPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit
  var lower: Lower
  let late: LateRegion

  mutating func receive(into filled: inout Burst) {
    let count = late.madeCount.load(ordering: .relaxed)
    if count < (late.isRegistered.load(ordering: .acquiring) ? 5 : 2), var buffer = late.region.buffer(byteCount: 256) {
      buffer.reset()
      check(buffer.setValid(offset: 64, byteCount: 64))
      filled.append(buffer)
      late.madeCount.store(count + 1, ordering: .releasing)
    }
    lower.receive(into: &filled)
  }
}

/// Registers the late region below once two of its buffers were refused, and keeps those that come.
struct LatePort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit
  var lower: Lower
  let late: LateRegion
  var kept = Burst()

  mutating func receive(into filled: inout Burst) {
    if !late.isRegistered.load(ordering: .relaxed), late.madeCount.load(ordering: .acquiring) == 2 {
      do { try lower.register(late.region) } catch { Issue.record(error) }
      late.isRegistered.store(true, ordering: .releasing)
    }
    var burst = Burst()
    lower.receive(into: &burst)
    while let buffer = burst.popFirst() {
      if buffer.region == late.region.id {
        kept.append(buffer)
        late.keptCount.add(1, ordering: .relaxed)
      } else {
        filled.append(buffer)
      }
    }
  }

  func report(into report: inout PortReport) {
    lower.report(into: &report)
    report.accounts.addInFlight(kept)
  }
}

struct Early: PassThroughStage {
  let late: LateRegion
  var shape: StageShape { .passThrough }

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit { try next(EarlyPort(lower: lower, late: late)) }
}

struct Late: PassThroughStage {
  let late: LateRegion
  var shape: StageShape { .passThrough }

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit { try next(LatePort(lower: lower, late: late)) }
}

@Suite("Junctions", .timeLimit(.minutes(2))) struct JunctionTests {
  private typealias Interlink = RingPort<Frame>

  private func buffer(_ region: borrowing Region, _ flags: BufferFlags = .last) throws -> Buffer {
    var buffer = try take(region.buffer(byteCount: 128))
    check(buffer.setValid(offset: 50, byteCount: 60))
    buffer.flags = flags
    return buffer
  }

  @Test("what the other side would never take is dropped and counted, and what comes behind it passes")
  func unknownRegion() throws {
    let known = try Region(byteCount: 1 << 14)
    let unknown = try Region(byteCount: 1 << 14)
    let left = try Interlink.pair(slotCount: 64)
    let right = try Interlink.pair(slotCount: 64)
    var source = left.first
    var sink = right.second
    try source.register(known)
    try source.register(unknown)
    try sink.register(known)
    var junction = Junction(left.second, right.first)
    var burst = Burst()
    // A packet in two buffers, of which only the second is unknown, and one in one.
    for (isKnown, flags) in [(true, .last), (true, []), (false, .last), (false, .last), (true, .last)]
      as [(Bool, BufferFlags)]
    {
      burst.append(isKnown ? try buffer(known, flags) : try buffer(unknown, flags))
    }
    check(source.transmit(&burst) == nil)
    for _ in 0..<8 { _ = junction.turn() }
    sink.receive(into: &burst)
    check(burst.count == 2 && burst[0].region == known.id && burst[1].region == known.id)
    #expect(junction.droppedUp.unknownRegionCount == 2 && junction.droppedUp.tooLongCount == 0)
    check(sink.fill(&burst) == nil)
    for _ in 0..<8 { _ = junction.turn() }
    // All five came back to the side that they are from.
    source.complete(into: &burst)
    check(burst.count == 5 && junction.held() == BufferAccounts())
    burst.releaseAll()
  }

  @Test("a packet in more buffers than a burst holds is dropped whole, and what comes behind it passes")
  func tooLong() throws {
    let region = try Region(byteCount: 1 << 14)
    let left = try Interlink.pair(slotCount: 128)
    let right = try Interlink.pair(slotCount: 128)
    var source = left.first
    var sink = right.second
    try source.register(region)
    try sink.register(region)
    var junction = Junction(LongRuns(lower: left.second), right.first)
    var burst = Burst()
    for _ in 0..<41 {
      burst.append(try buffer(region))
      check(source.transmit(&burst) == nil)
    }
    for _ in 0..<8 { _ = junction.turn() }
    sink.receive(into: &burst)
    check(burst.count == 1)
    #expect(junction.droppedUp.tooLongCount == 1 && junction.dropCount == 1)
    burst.releaseAll()
    for _ in 0..<8 { _ = junction.turn() }
    var returned = 0
    for _ in 0..<4 {
      source.complete(into: &burst)
      returned += burst.count
      burst.releaseAll()
    }
    #expect(returned == 40)
  }

  @Test(
    "a stage below an interlink with a region of its own: the traffic goes on, and the report has it",
    arguments: [false, true])
  func pipeline(isTwoLoops: Bool) throws {
    let tally = Tally()
    let log = Log()
    let running: RunningPipeline
    if isTwoLoops {
      running = try Pipeline {
        Generator(total: RunTests.total, tally: tally)
        Stranger()
        Handoff()
        Count()
        Loopback()
      }.start(logger: log.logger)
    } else {
      running = try Pipeline {
        Generator(total: RunTests.total, tally: tally)
        Stranger()
        Count()
        Loopback()
      }.start(logger: log.logger)
    }
    let report = running.finish()
    #expect(tally.returnedCount == RunTests.total && tally.wrongCount == 0 && report.lostByteCount == 0)
    let drops = report.stages.flatMap(\.report.drops)
    #expect(drops == [StageReport.Count("unknown-region", 5)])
    #expect(log.lines.filter { $0.hasPrefix("warning packets are dropped between two stages") }.count == 1)
  }
}

extension JunctionTests {
  @Test("a region that is registered above an interlink after its buffers were refused there: nothing is lost")
  func lateRegistration() throws {
    let tally = Tally()
    let late = try LateRegion()
    let report = try Pipeline {
      Generator(total: RunTests.total, tally: tally)
      Early(late: late)
      Handoff()
      Late(late: late)
      Loopback()
    }.start(logger: Log().logger).finish()
    #expect(tally.returnedCount == RunTests.total && tally.wrongCount == 0)
    #expect(report.stages.flatMap(\.report.drops) == [StageReport.Count("unknown-region", 2)])
    #expect(late.keptCount.load(ordering: .relaxed) == 3)
    #expect(report.isExact && report.lostByteCount == 0)
    let accounts = report.accounts
    #expect(
      accounts.ownedByteCount + accounts.inFlightByteCount + accounts.atPeerByteCount == accounts.registeredByteCount)
    #expect(accounts.ownedByteCount >= 0)
  }
}

/// Takes the mark of the last buffer from the first 39 that it receives.
struct LongRuns<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit
  var lower: Lower
  var count = 0

  mutating func receive(into filled: inout Burst) {
    let start = filled.count
    lower.receive(into: &filled)
    for index in start..<filled.count {
      count += 1
      if count < 40 { filled[index].flags = [] }
    }
  }
}
