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
/// go back where they came from, empty ones home to their region.
@frozen
public struct Junction<Left: Port & ~Copyable, Right: Port & ~Copyable>: ~Copyable where Left.Unit == Right.Unit {
  public var left: Left
  public var right: Right
  @usableFromInline var up = Burst()
  @usableFromInline var down = Burst()
  @usableFromInline var emptied = Burst()
  @usableFromInline var sent = Burst()
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
    left.receive(into: &up)
    var moved = up.count
    if droppedUp.isInside { droppedUp.skip(&up, into: &emptied) }
    if let refusal = right.transmit(&up) { droppedUp.settle(refusal, &up, into: &emptied) }
    moved &-= up.count
    right.receive(into: &down)
    moved &+= down.count
    if droppedDown.isInside { droppedDown.skip(&down, into: &sent) }
    if let refusal = left.transmit(&down) { droppedDown.settle(refusal, &down, into: &sent) }
    moved &-= down.count
    left.complete(into: &sent)
    moved &+= sent.count
    if let refusal = right.fill(&sent) { sent.releaseHopeless(refusal) }
    moved &-= sent.count
    right.complete(into: &emptied)
    moved &+= emptied.count
    if let refusal = left.fill(&emptied) { emptied.releaseHopeless(refusal) }
    moved &-= emptied.count
    left.notify()
    right.notify()
    return moved
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
    accounts.addInFlight(up)
    accounts.addInFlight(down)
    accounts.addInFlight(emptied)
    accounts.addInFlight(sent)
    return accounts
  }
}
