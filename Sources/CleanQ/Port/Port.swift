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

  /// A question or setting for the layer that knows it.
  ///
  /// - Throws: `unsupported` where no layer does.
  mutating func control(_ request: ControlRequest) throws(QueueError) -> ControlReply

  /// Lets time pass: resends, ages, expires.
  ///
  /// A loop calls this some hundred times a second while it is awake, and a sleeping one when it is due.
  ///
  /// - Returns: when it is to be called next, at the latest; ``MonotonicTime/never`` where nothing waits for time.
  mutating func advance(to now: MonotonicTime) -> MonotonicTime

  /// Asks to be woken when there is something to receive or complete.
  ///
  /// - Returns: false where there is something already, so that sleeping would be wrong.
  mutating func arm() -> Bool

  /// Ends what ``arm()`` began.
  mutating func disarm()

  /// Adds the file descriptors that become readable after ``arm()`` when there is something to do. They stay the port's.
  func addWakeFileDescriptors(to list: inout [Int32])

  /// Stops taking anything new from outside, so that what is inside can drain. ``receive(into:)`` goes on giving what came
  /// in before.
  mutating func quiesce()

  /// Says that nothing more will be transmitted: a port that leads to another thread passes this on behind all packets, so that the
  /// other end is exhausted once it has received them. Ports that lead elsewhere need not do anything.
  mutating func endTransmission()

  /// Whether the source has ended: nothing will be received any more.
  var isExhausted: Bool { get }

  /// How many empty buffers the receive queue works best with; 0 for a port that gets its buffers from elsewhere.
  var wantedBufferCount: Int { get }

  /// How long a buffer has to be for the longest packet and its headers.
  var wantedBufferByteCount: Int { get }

  /// What the buffers have to be made of: `.shared` where another process is to reach them.
  var wantedBacking: RegionBacking { get }

  /// The buffers that this port and everything below it hold.
  func accounts() -> BufferAccounts

  /// Appends the reports of the stages below, then this one's.
  func report(into reports: inout [StageReport])
}

extension Port where Self: ~Copyable {
  @inlinable
  public mutating func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    throw QueueError(.unsupported)
  }

  @inlinable
  public mutating func notify() {}

  @inlinable
  public mutating func advance(to now: MonotonicTime) -> MonotonicTime { .never }

  @inlinable
  public mutating func disarm() {}

  @inlinable
  public func addWakeFileDescriptors(to list: inout [Int32]) {}

  @inlinable
  public mutating func quiesce() {}

  @inlinable
  public mutating func endTransmission() {}

  @inlinable
  public var isExhausted: Bool { false }

  @inlinable
  public var wantedBufferCount: Int { 0 }

  @inlinable
  public var wantedBufferByteCount: Int { 0 }

  @inlinable
  public var wantedBacking: RegionBacking { .anonymous }
}
