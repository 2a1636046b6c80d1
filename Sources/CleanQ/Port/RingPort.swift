/// A port whose other side is a port too: the interlink between two threads. What one end transmits the other receives; what
/// one end fills, that is, gives back as empty, completes at the other.
///
/// No byte is copied: a received buffer is the very buffer that the other end transmitted.
@frozen
public struct RingPort<Unit: Traffic>: Port, ~Copyable, Sendable {
  @usableFromInline let channel: RingChannel
  @usableFromInline let end: RingEnd
  /// Packets: received here, filled back.
  @usableFromInline var receiving: RingLink
  /// Packets: transmitted here, completed back.
  @usableFromInline var transmitting: RingLink
  /// Wakes this end, and the other.
  @usableFromInline let ownBell: Doorbell
  @usableFromInline let peerBell: Doorbell
  /// The loop has been told that nothing more will be received.
  private var hasToldEnd = false
  /// What the port that the other end is joined with says of its link. Set before traffic flows.
  public var link = PortCapabilities.Link()

  /// Makes an interlink.
  ///
  /// - Parameter slotCount: how many buffers fit in each of the four rings, a power of two. With as many slots as there are
  ///   buffers no ring can be full.
  /// - Throws: `refused` where the process has no file descriptors left.
  public static func pair(slotCount: Int) throws(QueueError) -> Pair {
    precondition(
      slotCount >= 2 && slotCount <= 1 << 30 && slotCount & (slotCount - 1) == 0,
      "a ring has a power of two of slots, 2 to 2^30")
    let channel = try RingChannel(slotCount: slotCount, laneCount: 4)
    return Pair(first: RingPort(channel, .first), second: RingPort(channel, .second))
  }

  /// The two ends of a new interlink.
  @frozen
  public struct Pair: ~Copyable, Sendable {
    public var first: RingPort
    public var second: RingPort
  }

  init(_ channel: RingChannel, _ end: RingEnd) {
    self.channel = channel
    self.end = end
    // The second end's receive rings are the first end's transmit rings.
    transmitting = RingLink(channel, end: end, lane: end == .first ? 0 : 2)
    receiving = RingLink(channel, end: end, lane: end == .first ? 2 : 0)
    ownBell = channel.bell(of: end)
    peerBell = channel.bell(of: end.other)
  }

  deinit { channel.close() }

  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    try channel.register(region, by: end)
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try channel.deregister(region.id, by: end)
  }

  /// Takes `endTransmission`: the other end is exhausted once it has received what was transmitted before.
  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    guard request == .endTransmission else { throw QueueError(.unsupported) }
    transmitting.end()
    peerBell.ring()
  }

  public var capabilities: PortCapabilities { PortCapabilities(link: link, wakeFileDescriptors: [ownBell.file]) }

  @inlinable
  public func refusal(of region: RegionID) -> Refusal? { transmitting.refusal(of: region) }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    guard !freeBuffers.isEmpty else { return nil }
    return receiving.enqueue(&freeBuffers)
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) { receiving.dequeue(into: &filled) }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard !filled.isEmpty else { return nil }
    return transmitting.enqueue(&filled)
  }

  @inlinable
  public mutating func complete(into sent: inout Burst) { transmitting.dequeue(into: &sent) }

  @inlinable
  public mutating func notify() {
    let (filled, transmitted) = (receiving.producer.announce(), transmitting.producer.announce())
    if filled || transmitted { peerBell.ring() }
  }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    switch step {
    case .tick: break
    case .arm: ownBell.arm()
    case .disarm: ownBell.disarm()
    }
    // The other end has gone or transmits nothing more, and what it transmitted is received.
    var readiness = Readiness(isExhausted: receiving.isExhausted)
    guard step == .arm else { return readiness }
    if receiving.isEnded, !hasToldEnd {
      // An end is not a packet: the loop asks for it once before it sleeps.
      hasToldEnd = true
      readiness.hasWork = true
    } else {
      readiness.hasWork = receiving.hasArrivals() || transmitting.hasArrivals() || receiving.isClosed
    }
    return readiness
  }

  public func report(into report: inout PortReport) { report.accounts = channel.accounts(of: end) }
}
