/// Checks, at run time, that every byte that passes a queue is enqueued by the side that owns it; the queue's
/// counterpart of ``CheckedPort``.
///
/// A region that the other side registers is known from its first buffer on. Put the check on a queue before regions are
/// registered on this side. Thread-confined; may be sent where the queue may.
@safe
@frozen
public struct CheckedQueue<Inner: Queue & ~Copyable>: Queue, ~Copyable {
  @usableFromInline var inner: Inner
  @usableFromInline let ledger: OwnershipLedger
  /// The same, for calls that are made per buffer: counting references would cost more than the check.
  @usableFromInline let unmanaged: Unmanaged<OwnershipLedger>

  /// Puts a check on a queue.
  ///
  /// - Parameters:
  ///   - inner: a queue with which this side has registered no region yet.
  ///   - name: what the queue is called in reports.
  ///   - report: is told of the first violations, on the thread that uses the queue.
  public init(
    _ inner: consuming Inner, name: String = "queue", report: (@Sendable (OwnershipViolation) -> Void)? = nil
  ) {
    self.inner = inner
    ledger = OwnershipLedger(stageBelow: name, handler: report)
    unsafe unmanaged = Unmanaged.passUnretained(ledger)
  }

  /// How many violations there were.
  public var violationCount: UInt64 { ledger.violationCount }

  /// How many violations of one kind there were.
  public func violationCount(of kind: OwnershipViolation.Kind) -> UInt64 { ledger.count(of: kind) }

  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    let account = try ledger.openAccount(of: region)
    do throws(QueueError) { try inner.register(region) } catch {
      account.deallocate()
      throw error
    }
    ledger.enter(account)
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try inner.deregister(region)
    ledger.deregister(region)
  }

  /// Enqueues one buffer. One that is below already is counted, and goes no further.
  @inlinable
  public mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    let offered = buffer.name
    // SAFETY, for each use of `unmanaged`: `ledger` holds the object for as long as this value lives.
    let verdict = unsafe unmanaged._withUnsafeGuaranteedRef { $0.enqueue(offered) }
    if verdict == .withhold {
      _ = buffer.intoDescriptor()
      return nil
    }
    if verdict == .mend { buffer.mend() }
    let name = buffer.name
    unsafe unmanaged._withUnsafeGuaranteedRef { $0.noteDown(&buffer) }
    guard let refused = inner.enqueue(buffer) else {
      if verdict == .unknownRegion { ledger.noteUnknownTaken(name) }
      return nil
    }
    let reason = refused.reason
    var back = refused.take()
    if verdict == .unknownRegion || ledger.takeBack(back.name, offered: name) {
      ledger.noteUp(&back)
      return Refused(back, reason)
    }
    _ = back.intoDescriptor()
    return nil
  }

  @inlinable
  public mutating func enqueue(_ burst: inout Burst) -> Refusal? {
    if burst.isEmpty { return inner.enqueue(&burst) }
    ledger.handDown(&burst, .enqueue)
    let refusal = inner.enqueue(&burst)
    ledger.handedDown(&burst, .enqueue, refusal)
    return refusal
  }

  /// Takes the oldest buffer. Those that the other side had no right to enqueue are counted and skipped.
  @inlinable
  public mutating func dequeue() -> Buffer? {
    for _ in 0..<Burst.capacity {
      guard var buffer = inner.dequeue() else { return nil }
      let name = buffer.name
      let verdict = unsafe unmanaged._withUnsafeGuaranteedRef {
        $0.dequeued(name) { inner.accounts().registeredByteCount }
      }
      switch verdict {
      case .pass, .mend:
        if verdict == .mend { buffer.mend() }
        unsafe unmanaged._withUnsafeGuaranteedRef { $0.noteUp(&buffer) }
        return buffer
      case .withhold, .unknownRegion: _ = buffer.intoDescriptor()
      }
    }
    return nil
  }

  @inlinable
  public mutating func dequeue(into burst: inout Burst) {
    ledger.expect(burst)
    inner.dequeue(into: &burst)
    _ = ledger.handedUp(&burst, .dequeue) { inner.accounts().registeredByteCount }
  }

  @inlinable
  public mutating func notify() { inner.notify() }

  public mutating func control(_ request: ControlRequest) throws(QueueError) { try inner.control(request) }

  public func accounts() -> BufferAccounts { inner.accounts() }

  /// Compares the ledger with the accounts now, so that bytes that were lost are found. Exact between two calls.
  public func settle() { ledger.settle(inner.accounts()) }

  public consuming func destroy() -> BufferAccounts {
    settle()
    return inner.destroy()
  }
}

// The ledger belongs to this queue alone, so it goes to another thread only together with it.
extension CheckedQueue: @unchecked Sendable where Inner: Sendable & ~Copyable {}
