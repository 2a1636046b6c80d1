import CleanQ
import CleanQPipeline
import Synchronization

/// What a test sees of a generator while its pipeline runs, and after.
final class Tally: Sendable {
  let sent = Atomic<Int>(0)
  let returned = Atomic<Int>(0)
  let wrong = Atomic<Int>(0)
  let isOpen = Atomic<Bool>(false)

  var sentCount: Int { sent.load(ordering: .acquiring) }
  var returnedCount: Int { returned.load(ordering: .acquiring) }
  var wrongCount: Int { wrong.load(ordering: .acquiring) }
  var isStillOpen: Bool { isOpen.load(ordering: .acquiring) }
}

/// A device of the tests: receives numbered packets out of nothing, and checks that they come back in order.
struct GeneratorPort<Unit: Traffic>: Port, ~Copyable {
  private var table = RegionTable()
  private var freeBuffers = Burst()
  private var sent = Burst()
  private let total: Int
  private let tally: Tally
  private var next = 0
  private var expected = 0
  private var isQuiet = false

  init(total: Int, tally: Tally) {
    self.total = total
    self.tally = tally
    tally.isOpen.store(true, ordering: .releasing)
  }

  deinit { tally.isOpen.store(false, ordering: .releasing) }

  var capabilities: PortCapabilities { PortCapabilities(wantedBufferCount: 256) }

  mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try table.remove(region.id) }

  func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  mutating func fill(_ burst: inout Burst) -> Refusal? { table.move(&burst, to: &freeBuffers) }

  mutating func receive(into burst: inout Burst) {
    while !isQuiet, next < total, burst.room > 0, var buffer = freeBuffers.popFirst() {
      buffer.reset()
      guard buffer.setValid(offset: buffer.headroom, byteCount: 64) else { return }
      write(next, to: &buffer)
      next += 1
      burst.append(buffer)
    }
    tally.sent.store(next, ordering: .releasing)
  }

  mutating func transmit(_ burst: inout Burst) -> Refusal? {
    let before = burst.count
    let refusal = table.move(&burst, to: &sent)
    for index in (sent.count - (before - burst.count))..<sent.count {
      if read(sent[index]) != expected { tally.wrong.add(1, ordering: .relaxed) }
      expected += 1
    }
    tally.returned.store(expected, ordering: .releasing)
    return refusal
  }

  mutating func complete(into burst: inout Burst) { burst.append(contentsOf: &sent) }

  mutating func sleep(_ step: SleepStep) -> Readiness {
    Readiness(hasWork: !freeBuffers.isEmpty && next != total, isExhausted: expected == total)
  }

  mutating func control(_ request: ControlRequest) throws(QueueError) { isQuiet = request == .quiesce }

  func report(into report: inout PortReport) {
    report.accounts.addInFlight(freeBuffers)
    report.accounts.addInFlight(sent)
    report.stages.append(StageReport("generator"))
  }

  private func write(_ number: Int, to buffer: inout Buffer) {
    var bytes = buffer.mutableBytes
    // Behind the addresses, which an echo swaps.
    for index in 0..<8 { bytes[16 + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
  }

  private func read(_ buffer: borrowing Buffer) -> Int {
    let bytes = buffer.bytes
    return (0..<8).reduce(0) { $0 | Int(bytes[16 + $1]) << (8 * $1) }
  }
}

/// The stage of the generator.
struct Generator: EndStage {
  typealias Unit = Frame
  let total: Int
  let tally: Tally

  var shape: StageShape { .end(.frame, right: true) }

  func open(in context: PipelineContext) throws(StageError) -> GeneratorPort<Frame> {
    GeneratorPort(total: total, tally: tally)
  }
}

/// A device that never opens.
struct Broken: EndStage {
  typealias Unit = Frame

  var shape: StageShape { .end(.frame, right: true) }

  func open(in context: PipelineContext) throws(StageError) -> LoopbackPort<Frame> {
    throw StageError("broken", "is broken; mend it")
  }
}

/// A stage that counts how often time passes before its pipeline stops, and asks for no time itself.
struct ClockPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit
  var lower: Lower
  let tally: Tally
  var isQuiet = false

  mutating func sleep(_ step: SleepStep) -> Readiness {
    if case .tick = step, !isQuiet { tally.sent.add(1, ordering: .releasing) }
    return lower.sleep(step)
  }

  mutating func control(_ request: ControlRequest) throws(QueueError) {
    if request == .quiesce { isQuiet = true }
    try lower.control(request)
  }
}

struct Clock: PassThroughStage {
  let tally: Tally

  var shape: StageShape { .passThrough }

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(ClockPort(lower: lower, tally: tally))
  }
}
