/// Checks, at run time, that every byte that passes is passed on by the side that owns it. Changes nothing else.
///
/// May stand between any two stages. The compiler sees to ownership in safe code; this finds what unsafe code, a device or a
/// broken stage does: buffers that come up twice or were never handed down, that overlap, that are longer than what was
/// given, of a region that is not registered, outside their region, lost. Each violation is counted by kind, and the
/// first ones are reported with what, where, when and the last events of the buffer. ``OwnershipLedger`` says what becomes of the
/// buffer.
///
/// Put it on a port before regions are registered. Thread-confined.
@safe
@frozen
public struct CheckedPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  public typealias Unit = Lower.Unit

  public var lower: Lower
  @usableFromInline let ledger: OwnershipLedger
  /// The same, for calls that are made per burst beside a use of `lower`, around which the compiler would count references.
  @usableFromInline let unmanaged: Unmanaged<OwnershipLedger>
  @usableFromInline let stops: Bool
  @usableFromInline var received = StageReport.Tally()
  @usableFromInline var transmitted = StageReport.Tally()

  /// Puts a check on a port.
  ///
  /// - Parameters:
  ///   - lower: a port with which no region is registered yet.
  ///   - stops: whether the port is exhausted after the first violation, which ends a pipeline.
  ///   - report: is told of the first violations, on the thread that uses the port.
  public init(
    on lower: consuming Lower, stops: Bool = false, report: (@Sendable (OwnershipViolation) -> Void)? = nil
  ) {
    ledger = OwnershipLedger(stageBelow: lower.report().stages.last?.name ?? "ring", handler: report)
    unsafe unmanaged = Unmanaged.passUnretained(ledger)
    self.lower = lower
    self.stops = stops
  }

  /// How many violations there were.
  public var violationCount: UInt64 { ledger.violationCount }

  /// How many violations of one kind there were.
  public func violationCount(of kind: OwnershipViolation.Kind) -> UInt64 { ledger.count(of: kind) }

  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    let account = try ledger.openAccount(of: region)
    do throws(QueueError) { try lower.register(region) } catch {
      account.deallocate()
      throw error
    }
    ledger.enter(account)
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try lower.deregister(region)
    ledger.deregister(region)
  }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    if freeBuffers.isEmpty { return lower.fill(&freeBuffers) }
    ledger.handDown(&freeBuffers, .fill)
    let refusal = lower.fill(&freeBuffers)
    ledger.handedDown(&freeBuffers, .fill, refusal)
    return refusal
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    ledger.expect(filled)
    lower.receive(into: &filled)
    // SAFETY, for each use of `unmanaged`: `ledger` holds the object for as long as this value lives.
    let start = unsafe unmanaged._withUnsafeGuaranteedRef {
      $0.handedUp(&filled, .receive) { lower.accounts().registeredByteCount }
    }
    for index in start..<filled.count { received.add(byteCount: filled[index].validByteCount) }
  }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    if filled.isEmpty { return lower.transmit(&filled) }
    ledger.handDown(&filled, .transmit)
    var all = StageReport.Tally()
    all.add(filled)
    let refusal = lower.transmit(&filled)
    ledger.handedDown(&filled, .transmit, refusal)
    var left = StageReport.Tally()
    left.add(filled)
    transmitted.packets &+= all.packets &- left.packets
    transmitted.bytes &+= all.bytes &- left.bytes
    return refusal
  }

  @inlinable
  public mutating func complete(into sent: inout Burst) {
    ledger.expect(sent)
    lower.complete(into: &sent)
    _ = unsafe unmanaged._withUnsafeGuaranteedRef {
      $0.handedUp(&sent, .complete) { lower.accounts().registeredByteCount }
    }
  }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    var readiness = lower.sleep(step)
    if stops, ledger.violationCount > 0 { readiness.isExhausted = true }
    return readiness
  }

  /// Compares the ledger with the accounts of what is below, so that bytes that were lost are found.
  public func report(into report: inout PortReport) {
    lower.report(into: &report)
    ledger.settle(report.accounts)
    var own = StageReport("checked")
    own.received = received
    own.transmitted = transmitted
    ledger.addCounts(to: &own)
    if stops, ledger.violationCount > 0 { own.completion = "a stage broke the rules" }
    report.stages.append(own)
  }
}

// The ledger belongs to this port alone, so it goes to another thread only together with it.
extension CheckedPort: @unchecked Sendable where Lower: Sendable & ~Copyable {}
