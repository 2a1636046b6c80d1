import CleanQ
import CleanQPipeline

/// The right end of the exchange: sends numbered frames of all sizes, never more than a window of them at a time, and
/// checks each that comes back, to the byte.
struct SequencePort: Port, ~Copyable {
  typealias Unit = Frame

  /// When a frame that was sent has not come back by then, it is lost.
  static let patienceMilliseconds: UInt64 = 500

  private let sequence: Sequence
  private let total: Int
  private let window: Int
  private let tally: Tally
  /// Those of all instances: the pipeline ends when every instance is done.
  private let tallies: [Tally]
  private var table = RegionTable()
  private var freeBuffers: EmptyStore
  private var done = Burst()
  /// The number of the next frame to send, and of the next that is to come back.
  private var next = 0
  private var expected = 0
  private var lastProgress = MonotonicTime.now
  private var isQuiet = false

  init(queue: Int, total: Int, window: Int, tallies: [Tally]) {
    sequence = Sequence(queue: queue)
    self.total = total
    self.window = window
    self.tallies = tallies
    tally = tallies[queue]
    freeBuffers = EmptyStore(capacity: window + 2 * Burst.capacity)
  }

  mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try table.remove(region.id) }

  func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  mutating func fill(_ burst: inout Burst) -> Refusal? {
    while let region = burst.isEmpty ? nil : burst[0].region {
      guard table.contains(region) else { return .unknownRegion }
      guard freeBuffers.room > 0, let buffer = burst.popFirst() else { return .full }
      freeBuffers.append(buffer)
    }
    return nil
  }

  mutating func receive(into burst: inout Burst) {
    while !isQuiet, next < total, next - expected < window, burst.room > 0, var buffer = freeBuffers.popLast() {
      if next == expected { lastProgress = .now }
      sequence.write(next, to: &buffer)
      next += 1
      burst.append(buffer)
    }
    tally.sent.store(next, ordering: .releasing)
  }

  mutating func transmit(_ burst: inout Burst) -> Refusal? {
    let before = done.count
    let refusal = table.move(&burst, to: &done)
    for index in before..<done.count { check(sequence.read(done[index].bytes)) }
    return refusal
  }

  private mutating func check(_ number: Int?) {
    guard let number, number < next else {
      tally.wrong.add(1, ordering: .relaxed)
      return
    }
    guard number >= expected else {
      tally.late.add(1, ordering: .relaxed)
      return
    }
    tally.lost.add(number - expected, ordering: .relaxed)
    tally.returned.add(1, ordering: .releasing)
    expected = number + 1
    lastProgress = .now
  }

  mutating func complete(into burst: inout Burst) { burst.append(contentsOf: &done) }

  /// Gives up on frames that have not come back.
  private mutating func giveUp(at now: MonotonicTime) -> MonotonicTime {
    if next == expected { return now.advanced(byMilliseconds: Self.patienceMilliseconds) }
    let deadline = lastProgress.advanced(byMilliseconds: Self.patienceMilliseconds)
    if now < deadline { return deadline }
    tally.lost.add(next - expected, ordering: .relaxed)
    expected = next
    return now.advanced(byMilliseconds: Self.patienceMilliseconds)
  }

  mutating func sleep(_ step: SleepStep) -> Readiness {
    var readiness = Readiness()
    if case .tick(let now) = step { readiness.deadline = giveUp(at: now) }
    let canSend = !isQuiet && next < total && next - expected < window && !freeBuffers.isEmpty
    readiness.hasWork = canSend || !done.isEmpty
    readiness.isExhausted = expected >= total && tallies.allSatisfy { $0.gone >= total }
    return readiness
  }

  mutating func control(_ request: ControlRequest) throws(QueueError) { isQuiet = request == .quiesce }

  var capabilities: PortCapabilities { PortCapabilities(wantedBufferCount: window) }

  func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = table.byteCount
    report.accounts.addInFlight(done)
    freeBuffers.add(to: &report.accounts)
    report.stages.append(StageReport("sequence"))
  }
}

/// The stage of the port, in one instance for each queue pair.
struct SequenceStage: EndStage {
  typealias Unit = Frame
  let total: Int
  let window: Int
  let tallies: [Tally]

  var shape: StageShape { .end(.frame, right: true) }
  var instances: ClosedRange<Int> { tallies.count...tallies.count }

  func open(in context: PipelineContext) throws(StageError) -> SequencePort {
    SequencePort(queue: context.instanceIndex, total: total, window: window, tallies: tallies)
  }
}

/// Buffers that wait to be used, last in, first out.
@safe
struct EmptyStore: ~Copyable {
  private let slots: UnsafeMutablePointer<Buffer>
  private let capacity: Int
  private var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe slots = .allocate(capacity: capacity)
  }

  deinit {
    // SAFETY: the first `count` slots are initialised.
    for index in 0..<count { unsafe (slots + index).move().release() }
    unsafe slots.deallocate()
  }

  var isEmpty: Bool { count == 0 }
  var room: Int { capacity - count }

  mutating func append(_ buffer: consuming Buffer) {
    precondition(count < capacity, "the store is full")
    // SAFETY: the slot is inside the allocation and not initialised.
    unsafe (slots + count).initialize(to: buffer)
    count += 1
  }

  mutating func popLast() -> Buffer? {
    guard count > 0 else { return nil }
    count -= 1
    // SAFETY: the slot is initialised, and left behind the end.
    return unsafe (slots + count).move()
  }

  func add(to accounts: inout BufferAccounts) {
    for index in 0..<count { unsafe accounts.inFlightByteCount += slots[index].byteCount }
    accounts.inFlightBufferCount += count
  }
}
