public import CleanQ

/// The bottom of a branch: a port that receives what the fork has for the branch, and transmits through the fork.
///
/// Holds at most one burst of each kind; more is refused as full until the fork has taken them. Thread-confined, to the thread of
/// the fork.
@safe
@frozen
public struct BranchPort<Unit: Traffic>: Port, ~Copyable {
  @usableFromInline let state: UnsafeMutablePointer<BranchState>
  /// Keeps the state.
  @usableFromInline let box: BranchBox

  @usableFromInline
  init(_ box: BranchBox) {
    unsafe state = box.state
    self.box = box
  }

  // SAFETY, for each use of `state` below: `box` holds it, and only the fork uses it too, on the same thread, between calls.

  /// Learns of a region. The registration below is the fork's.
  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    try unsafe state.pointee.table.insert(region)
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try unsafe QueueError.requireNone(elsewhereByteCount: state.pointee.remainingByteCount)
    try unsafe state.pointee.backlog.requireNone(of: region.id)
    try unsafe state.pointee.table.remove(region.id)
  }

  @inlinable
  public func refusal(of region: RegionID) -> Refusal? {
    unsafe state.pointee.table.contains(region) ? nil : .unknownRegion
  }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    guard !freeBuffers.isEmpty else { return nil }
    let refusal = unsafe state.pointee.table.move(&freeBuffers, to: &state.pointee.backlog.toFill)
    if refusal != nil { unsafe state.pointee.isRefused = true }
    return refusal
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    guard unsafe !state.pointee.backlog.toReceive.isEmpty else { return }
    unsafe filled.append(contentsOf: &state.pointee.backlog.toReceive)
  }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard !filled.isEmpty else { return nil }
    let refusal = unsafe state.pointee.table.move(&filled, to: &state.pointee.backlog.toTransmit)
    if refusal != nil { unsafe state.pointee.isRefused = true }
    return refusal
  }

  @inlinable
  public mutating func complete(into sent: inout Burst) {
    guard unsafe !state.pointee.backlog.toComplete.isEmpty else { return }
    unsafe sent.append(contentsOf: &state.pointee.backlog.toComplete)
  }

  /// The link is that of the port below the fork.
  public var capabilities: PortCapabilities { PortCapabilities(link: box.link) }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    unsafe Readiness(hasWork: state.pointee.backlog.hasArrivals)
  }

  public func report(into report: inout PortReport) {
    unsafe report.accounts.registeredByteCount = state.pointee.table.byteCount
    unsafe state.pointee.backlog.add(to: &report.accounts)
  }
}
