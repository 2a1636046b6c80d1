import CleanQ
import CleanQPipeline
import Synchronization

/// Frames by their byte 24.
enum LaneSelector: ForkSelector {
  typealias Unit = Frame

  static var keyCount: Int { 256 }

  static func key(of buffer: borrowing Buffer) -> Int {
    let bytes = buffer.bytes
    return bytes.count > 24 ? Int(bytes[24]) : 0
  }
}

/// Keeps what a branch may change of its claims.
final class ClaimKeeper: Sendable {
  private let held = Mutex<BranchClaims?>(nil)

  var claims: BranchClaims? {
    get { held.withLock { $0 } }
    set { held.withLock { $0 = newValue } }
  }
}

/// Begins a branch of frames of some lanes.
struct Lane: LayerStage, ClaimingStage {
  typealias Below = Frame
  typealias Above = Frame
  let lanes: [Int]
  var keeper: ClaimKeeper?

  init(_ lanes: Int..., keeper: ClaimKeeper? = nil) {
    self.lanes = lanes
    self.keeper = keeper
  }

  init(lanes: [Int]) { self.lanes = lanes }

  var shape: StageShape { .layer(below: .frame, above: .frame) }
  var claims: [Claim] { lanes.map(Self.claim) }
  var selector: (any ForkSelector.Type)? { lanes.isEmpty && keeper == nil ? nil : LaneSelector.self }

  static func claim(_ lane: Int) -> Claim { Claim(LaneSelector.self, key: lane, name: "lane \(lane)") }

  func didOpen(_ claims: BranchClaims) { keeper?.claims = claims }
  var claimLabel: String { lanes.map(String.init).joined(separator: ",") }

  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Lower.Unit == Frame, Next.Unit == Frame {
    try next(CountPort(on: lower, name: "lane"))
  }

  static let kind = StageKind(
    name: "lane", summary: "takes some lanes", shapes: [.layer(below: .frame, above: .frame)],
    parameters: [Parameter("lane", .integer(0...255, placeholder: "LANE"), required: true, repeatable: true, "which")],
    claims: .frame
  ) { arguments throws(ArgumentError) in Lane(lanes: arguments.integers("lane")) }
}

/// What a test sees of a gate, and whether it is shut.
final class GateState: Sendable {
  let isShut = Atomic<Bool>(false)
  let passed = Atomic<Int>(0)
}

/// A right end that takes frames while it is open, and gives their buffers back; while it is shut it keeps what it has.
struct GatePort<Unit: Traffic>: Port, ~Copyable {
  private var loop = LoopbackPort<Unit>()
  private let state: GateState

  init(_ state: GateState) { self.state = state }

  private var isShut: Bool { state.isShut.load(ordering: .acquiring) }

  mutating func register(_ region: borrowing Region) throws(QueueError) { try loop.register(region) }
  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try loop.deregister(region) }
  func refusal(of region: RegionID) -> Refusal? { loop.refusal(of: region) }
  mutating func fill(_ burst: inout Burst) -> Refusal? { loop.fill(&burst) }
  mutating func receive(into burst: inout Burst) {}

  mutating func transmit(_ burst: inout Burst) -> Refusal? {
    if isShut { return burst.isEmpty ? nil : .full }
    let before = burst.count
    let refusal = loop.fill(&burst)
    state.passed.add(before - burst.count, ordering: .releasing)
    return refusal
  }

  mutating func complete(into burst: inout Burst) { if !isShut { loop.complete(into: &burst) } }
  mutating func sleep(_ step: SleepStep) -> Readiness { isShut ? Readiness() : loop.sleep(step) }
  func report(into report: inout PortReport) {
    report.accounts = loop.accounts()
    report.stages.append(StageReport("gate"))
  }
}

struct Gate: SinkStage {
  let state: GateState

  var shape: StageShape { .sink }

  func open<Next: PortContinuation>(in context: PipelineContext, then next: Next) throws(StageError) -> Next.Result {
    try next(GatePort<Next.Unit>(state))
  }
}

/// A device of the tests: frames of some lanes in turn, each with a number of its own in its lane, for ever; and it checks that those
/// that come back are in order in their lane.
struct LanesPort: Port, ~Copyable {
  typealias Unit = Frame

  final class Tally: Sendable {
    let sent = Atomic<Int>(0)
    let returned = Atomic<Int>(0)
    let wrong = Atomic<Int>(0)
    /// How many frames of each lane come; then the device is at its end when those of the lanes that return have.
    let total: Int
    let lanes: [Int]
    let returning: Set<Int>

    init(lanes: [Int], returning: Set<Int>, total: Int) {
      self.lanes = lanes
      self.returning = returning
      self.total = total
    }
  }

  private var table = RegionTable()
  private var freeBuffers: BufferStore
  private var sent = Burst()
  private let tally: Tally
  private var next = 0
  private var expected = [Int](repeating: 0, count: 256)
  private var isQuiet = false

  init(_ tally: Tally) {
    self.tally = tally
    freeBuffers = BufferStore(capacity: 4096)
  }

  var capabilities: PortCapabilities { PortCapabilities(wantedBufferCount: 256) }

  mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }
  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try table.remove(region.id) }
  func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  mutating func fill(_ burst: inout Burst) -> Refusal? {
    while let buffer = burst.popFirst() { freeBuffers.append(buffer) }
    return nil
  }

  mutating func receive(into burst: inout Burst) {
    while !isQuiet, next < tally.total * tally.lanes.count, burst.room > 0, var buffer = freeBuffers.popFirst() {
      buffer.reset()
      guard buffer.setValid(offset: buffer.headroom, byteCount: 64) else { return }
      let number = next / tally.lanes.count
      var bytes = buffer.mutableBytes
      for index in 0..<8 { bytes[16 + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
      bytes[24] = UInt8(tally.lanes[next % tally.lanes.count])
      next += 1
      burst.append(buffer)
    }
    tally.sent.store(next, ordering: .releasing)
  }

  mutating func transmit(_ burst: inout Burst) -> Refusal? {
    let before = burst.count
    let refusal = table.move(&burst, to: &sent)
    for index in (sent.count - (before - burst.count))..<sent.count {
      let bytes = sent[index].bytes
      let lane = Int(bytes[24])
      let number = (0..<8).reduce(0) { $0 | Int(bytes[16 + $1]) << (8 * $1) }
      // Some may have been dropped where there is a branch that stops; never are two exchanged.
      if number < expected[lane] || !tally.returning.contains(lane) { tally.wrong.add(1, ordering: .relaxed) }
      expected[lane] = number + 1
      tally.returned.add(1, ordering: .releasing)
    }
    return refusal
  }

  mutating func complete(into burst: inout Burst) { burst.append(contentsOf: &sent) }
  mutating func sleep(_ step: SleepStep) -> Readiness {
    Readiness(hasWork: !freeBuffers.isEmpty && next < tally.total * tally.lanes.count)
  }
  mutating func control(_ request: ControlRequest) throws(QueueError) { isQuiet = request == .quiesce }

  func report(into report: inout PortReport) {
    freeBuffers.add(to: &report.accounts)
    report.accounts.addInFlight(sent)
    report.stages.append(StageReport("lanes"))
  }
}

struct Lanes: EndStage {
  typealias Unit = Frame
  let tally: LanesPort.Tally

  var shape: StageShape { .end(.frame, right: true) }

  func open(in context: PipelineContext) throws(StageError) -> LanesPort { LanesPort(tally) }
}
