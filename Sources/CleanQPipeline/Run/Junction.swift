public import CleanQ

/// Two ports joined: what one receives the other transmits, and buffers go back where they came from.
///
/// Every loop of every pipeline is a junction: between a stack of layers and an application (`echo`), between two devices
/// (a forwarder), between a stack and the interlink to the next thread.
///
///        left                                 right
///      ┌─────────┐ receive ──── up ──►  transmit ┌─────────┐
///      │         │ fill ◄──── emptied ── complete │         │
///      │         │ transmit ◄── down ──── receive │         │
///      │         │ complete ─── sent ───►    fill │         │
///      └─────────┘                                └─────────┘
///
/// A port that takes no more leaves the rest in the junction's burst, and nothing more is asked of the other side until it
/// does: back pressure, without loss. What a port would never take is dropped and counted (``DroppedRuns``): a packet's buffers
/// go back where they came from, free ones to their region.
@frozen
public struct Junction<Left: Port & ~Copyable, Right: Port & ~Copyable>: ~Copyable where Left.Unit == Right.Unit {
  public var left: Left
  public var right: Right
  /// What a port had no room for.
  @usableFromInline var backlog = Backlog()
  /// Of what the left port received, and of what the right one did.
  @usableFromInline var droppedUp = DroppedRuns()
  @usableFromInline var droppedDown = DroppedRuns()

  @inlinable
  public init(_ left: consuming Left, _ right: consuming Right) {
    self.left = left
    self.right = right
  }

  /// Moves one burst in each of the four directions.
  ///
  /// - Returns: how many buffers moved from one port to the other; 0 where there was nothing to do, or no room.
  @inlinable
  @inline(__always)
  public mutating func turn() -> Int {
    left.receive(into: &backlog.toReceive)
    var moved = backlog.toReceive.count
    if droppedUp.isInside { droppedUp.skip(&backlog.toReceive, into: &backlog.toFill) }
    if let refusal = right.transmit(&backlog.toReceive) {
      droppedUp.settle(refusal, &backlog.toReceive, into: &backlog.toFill)
    }
    moved &-= backlog.toReceive.count
    right.receive(into: &backlog.toTransmit)
    moved &+= backlog.toTransmit.count
    if droppedDown.isInside { droppedDown.skip(&backlog.toTransmit, into: &backlog.toComplete) }
    if let refusal = left.transmit(&backlog.toTransmit) {
      droppedDown.settle(refusal, &backlog.toTransmit, into: &backlog.toComplete)
    }
    moved &-= backlog.toTransmit.count
    left.complete(into: &backlog.toComplete)
    moved &+= backlog.toComplete.count
    if let refusal = right.fill(&backlog.toComplete) { backlog.toComplete.releaseHopeless(refusal) }
    moved &-= backlog.toComplete.count
    right.complete(into: &backlog.toFill)
    moved &+= backlog.toFill.count
    if let refusal = left.fill(&backlog.toFill) { backlog.toFill.releaseHopeless(refusal) }
    moved &-= backlog.toFill.count
    left.notify()
    right.notify()
    return moved
  }

  /// Registers a region with both ports, or with none.
  mutating func register(_ region: borrowing Region) throws(QueueError) {
    try left.register(region)
    do throws(QueueError) { try right.register(region) } catch {
      try? left.deregister(region)
      throw error
    }
  }

  /// Ends what ``register(_:)`` began. The left port says whether anything is left on this side of it.
  mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try left.deregister(region)
    try right.deregister(region)
  }

  /// What the ports want of memory.
  @inlinable
  var wanted: WantedBuffers { WantedBuffers(left: left.capabilities, right: right.capabilities) }

  /// What wakes the ports' user.
  @inlinable
  var wakeFileDescriptors: [Int32] {
    left.capabilities.wakeFileDescriptors + right.capabilities.wakeFileDescriptors
  }

  @inlinable
  mutating func quiesce() {
    left.quiesce()
    right.quiesce()
  }

  /// Tells both ports, also if the first one refuses.
  @inlinable
  mutating func sleep(_ step: SleepStep) -> JunctionReadiness {
    JunctionReadiness(left: left.sleep(step), right: right.sleep(step))
  }

  /// Appends the ports' reports, left before right, with what was dropped here in that of the stage below, where there is one.
  ///
  /// - Returns: what each port and what is below it hold.
  @inlinable
  func report(into stages: inout [StageReport]) -> (left: BufferAccounts, right: BufferAccounts) {
    var report = PortReport()
    let start = stages.count
    swap(&report.stages, &stages)
    left.report(into: &report)
    let leftAccounts = report.accounts
    let place = max(start, report.stages.count - 1)
    report.accounts = BufferAccounts()
    right.report(into: &report)
    if place < report.stages.count { addDrops(to: &report.stages[place]) }
    swap(&report.stages, &stages)
    return (leftAccounts, report.accounts)
  }

  /// How many packets were dropped in both directions.
  @inlinable
  var dropCount: UInt64 { droppedUp.count &+ droppedDown.count }

  /// Adds what was dropped here to the report of a stage next to the junction.
  @usableFromInline
  func addDrops(to report: inout StageReport) {
    let unknown = droppedUp.unknownRegionCount + droppedDown.unknownRegionCount
    let tooLong = droppedUp.tooLongCount + droppedDown.tooLongCount
    if unknown > 0 { report.drops.append(StageReport.Count("unknown-region", unknown)) }
    if tooLong > 0 { report.drops.append(StageReport.Count("chain-too-long", tooLong)) }
  }

  /// What waits here because a port had no room.
  public func held() -> BufferAccounts {
    var accounts = BufferAccounts()
    backlog.add(to: &accounts)
    return accounts
  }
}

/// How the two ports of a junction stand.
@frozen
@usableFromInline
struct JunctionReadiness {
  @usableFromInline var left: Readiness
  @usableFromInline var right: Readiness

  @inlinable
  init(left: Readiness = Readiness(), right: Readiness = Readiness()) {
    self.left = left
    self.right = right
  }

  @inlinable var hasWork: Bool { left.hasWork || right.hasWork }
  @inlinable var isExhausted: Bool { left.isExhausted || right.isExhausted }
  @inlinable var deadline: MonotonicTime { min(left.deadline, right.deadline) }

  /// Takes over which ports are exhausted.
  @inlinable
  mutating func note(ends other: JunctionReadiness) {
    left.isExhausted = other.left.isExhausted
    right.isExhausted = other.right.isExhausted
  }
}
