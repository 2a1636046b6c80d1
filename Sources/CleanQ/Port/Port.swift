/// A device, or a layer on a device: a receive queue and a transmit queue that share their regions.
///
/// Each of the two is a CleanQ queue. The receive queue takes empty buffers (``fill(_:)``) and gives filled ones
/// (``receive(into:)``). The transmit queue takes filled buffers (``transmit(_:)``) and gives them back when they are sent
/// (``complete(into:)``). The four verbs are those of an AF_XDP socket's four rings; ``PortQueue`` shows either side as
/// a ``Queue``.
///
///              fill ─►┐        ┌─► receive        transmit ─►┐        ┌─► complete
///          empty      │        │     filled         filled   │        │      sent
///                   ┌─▼────────┴─┐                         ┌─▼────────┴─┐
///                   │  receive   │                         │  transmit  │
///                   └────────────┘                         └────────────┘
///
/// Buffers circulate: what was received is transmitted, or filled again. Order holds within each queue.
/// Thread-confined: one thread at a time uses a port.
///
/// Requirements are few, so that a port is short. A new fact about ports is a property of ``PortCapabilities``, a new setting a case of
/// ``ControlRequest``, a new answer to a loop that has nothing to do a property of ``Readiness``: none touches the ports that it
/// does not concern.
public protocol Port: ~Copyable {
  /// What the buffers contain.
  associatedtype Unit: Traffic

  /// Makes a region's buffers acceptable to this port and everything below it.
  ///
  /// - Throws: `alreadyRegistered`, or what a lower layer says; nothing has changed then, on any layer.
  mutating func register(_ region: borrowing Region) throws(QueueError)

  /// Ends what ``register(_:)`` began.
  ///
  /// - Throws: `elsewhere` while the port holds bytes of the region, `notRegistered`.
  mutating func deregister(_ region: borrowing Region) throws(QueueError)

  /// Why buffers of a region would not be taken now, however much room there is: it is not registered, by this side or the
  /// other, or the other side has gone. Nil where they would.
  ///
  /// A layer asks the port below before it writes headers into what it would only have to give back: an answer that is not
  /// the one of ``transmit(_:)`` has it keep, or drop, what was to come back to the caller. So there is no default.
  ///
  /// - Complexity: O(1).
  func refusal(of region: RegionID) -> Refusal?

  /// Gives empty buffers to the receive queue, from the front of the burst. What was not taken is still in the burst.
  ///
  /// - Returns: nil where all were taken, else why the first that is left was not.
  @discardableResult
  mutating func fill(_ freeBuffers: inout Burst) -> Refusal?

  /// Appends received packets to the burst, as many as are there and fit.
  mutating func receive(into filled: inout Burst)

  /// Gives packets to the transmit queue, from the front of the burst. What was not taken is still in the burst.
  ///
  /// - Returns: nil where all were taken, else why the first that is left was not.
  @discardableResult
  mutating func transmit(_ filled: inout Burst) -> Refusal?

  /// Appends buffers whose packets are sent to the burst, as many as are there and fit.
  mutating func complete(into sent: inout Burst)

  /// Makes what was filled and transmitted take effect: the doorbell, the system call, the wake-up. Once per burst.
  mutating func notify()

  /// A setting, for each stage that it concerns. Never moves ownership.
  ///
  /// - Throws: `unsupported` where it concerns none.
  mutating func control(_ request: ControlRequest) throws(QueueError)

  /// What the port is: its link, the buffers that it wants, what wakes its user.
  var capabilities: PortCapabilities { get }

  /// Time, sleep and the end: tells the port where its loop is, and asks how the port stands.
  ///
  /// - Complexity: for `tick` and `disarm` O(1) in buffers; for `arm` a system call per device at most.
  mutating func sleep(_ step: SleepStep) -> Readiness

  /// Adds the buffers that this port and everything below it hold to the accounts, and the reports of the stages below, then this
  /// one's. The port at the bottom sets what is registered.
  func report(into report: inout PortReport)
}

extension Port where Self: ~Copyable {
  @inlinable
  public mutating func notify() {}

  @inlinable
  public mutating func control(_ request: ControlRequest) throws(QueueError) { throw QueueError(.unsupported) }

  @inlinable
  public var capabilities: PortCapabilities { PortCapabilities() }
}

// MARK: For those who use a port

extension Port where Self: ~Copyable {
  /// Lets time pass. Returns when to call again, at the latest.
  @inlinable
  public mutating func advance(to now: MonotonicTime) -> MonotonicTime { sleep(.tick(now)).deadline }

  /// Asks to be woken. Returns false where there is something to do already, so that sleeping would be wrong.
  @inlinable
  public mutating func arm() -> Bool { !sleep(.arm).hasWork }

  /// Ends what ``arm()`` began.
  @inlinable
  public mutating func disarm() { _ = sleep(.disarm) }

  /// Whether nothing will be received any more. Ends what ``arm()`` began.
  @inlinable
  public var isExhausted: Bool { mutating get { sleep(.disarm).isExhausted } }

  /// Has the port take nothing new from outside.
  @inlinable
  public mutating func quiesce() { try? control(.quiesce) }

  /// What the port and everything below it hold, and say.
  @inlinable
  public func report() -> PortReport {
    var report = PortReport()
    self.report(into: &report)
    return report
  }

  /// The buffers that this port and everything below it hold.
  @inlinable
  public func accounts() -> BufferAccounts { report().accounts }
}
