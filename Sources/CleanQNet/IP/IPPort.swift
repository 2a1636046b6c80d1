public import CleanQ
internal import CleanQWire
public import Logging

/// IPv4 over Ethernet on a port of frames: ARP, ICMP, and packets for this host.
///
/// To send, put a packet's payload behind ``IP/headroom`` bytes of headroom and set `packetMetadata`; a source of 0.0.0.0
/// means this interface's address. A packet that cannot be sent is dropped, counted and completed as if it had been; so is
/// one in several buffers. A run without its end and a buffer of an unknown region are refused as they are.
///
/// What was received has its IP header, which errors quote, directly in front of the valid part. ARP, echo requests and
/// protocols other than UDP do not come up.
///
/// Source: RFC 791, RFC 792, RFC 826, RFC 894, RFC 1122. Thread-confined.
@frozen
public struct IPPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable where Lower.Unit == Frame {
  public typealias Unit = Packet

  public var lower: Lower
  @usableFromInline var engine: IPEngine

  /// Puts the layer on a port. The MTU is the port's, 1500 where it has none; so is the Ethernet address, unless the configuration
  /// says another.
  ///
  /// - Parameters:
  ///   - now: the time that it starts with.
  ///   - logger: where it says, limited in rate, what happens on the link: neighbours that change, conflicts; nil for nowhere.
  public init(
    on lower: consuming Lower, _ configuration: IPConfiguration, now: MonotonicTime = .now, logger: Logger? = nil
  ) {
    self.init(on: lower, configuration, now: now, sharedNeighbors: nil, logger: logger)
  }

  /// - Parameter sharedNeighbors: what the instances of this port tell each other; nil where there is only one.
  @usableFromInline
  init(
    on lower: consuming Lower, _ configuration: IPConfiguration, now: MonotonicTime = .now,
    sharedNeighbors: SharedNeighborCache?,
    logger: Logger?
  ) {
    self.lower = lower
    var mtu = 1500
    if case .byteCount(let frame)? = try? self.lower.control(.maximumPacketByteCount) {
      mtu = frame - EthernetHeader.byteCount
    }
    var address: MACAddress?
    if case .hardwareAddress(let bits)? = try? self.lower.control(.hardwareAddress) {
      address = MACAddress(rawValue: bits)
    }
    if address?.isUnicast == false { address = nil }
    engine = IPEngine(
      configuration, hardwareAddress: address, mtu: mtu, now: now, sharedNeighbors: sharedNeighbors, logger: logger)
  }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    if !engine.dropped.isEmpty { lower.fillOrRelease(&engine.dropped) }
    engine.collectSpares(from: &freeBuffers)
    return freeBuffers.isEmpty ? nil : lower.fill(&freeBuffers)
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    flush()
    if engine.incoming.isEmpty { lower.receive(into: &engine.incoming) }
    engine.receive(into: &filled)
    flush()
  }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard !filled.isEmpty else { return nil }
    flush()
    let region = filled[0].region
    if lower.refusal(of: region) == nil { engine.transmitFast(&filled, of: region) }
    guard !filled.isEmpty else {
      flush()
      return nil
    }
    let (count, refusal) = offer(filled)
    let left = engine.transmit(&filled, count)
    let refusalBelow = flush()
    return left == 0 ? refusal : refusalBelow == .closed ? .closed : .full
  }

  @inlinable
  public mutating func complete(into sent: inout Burst) {
    flush()
    engine.giveBack(into: &sent)
    if engine.completed.isEmpty { lower.complete(into: &engine.completed) }
    engine.complete(into: &sent)
    if !engine.dropped.isEmpty { lower.fillOrRelease(&engine.dropped) }
  }

  @inlinable
  public mutating func notify() {
    flush()
    lower.notify()
  }

  /// Gives what waits to the port below: frames to be sent, and free buffers.
  ///
  /// - Returns: why the first frame that is left was not taken.
  @inlinable
  @discardableResult
  mutating func flush() -> Refusal? {
    if !engine.dropped.isEmpty { lower.fillOrRelease(&engine.dropped) }
    return engine.outgoing.isEmpty ? nil : sendOutgoing()
  }

  /// Gives the frames that wait to the port below, and takes back those that it will never take.
  ///
  /// - Returns: why the first frame that is left was not taken.
  @inlinable
  mutating func sendOutgoing() -> Refusal? {
    var refusal: Refusal?
    for _ in 0..<Burst.capacity {
      refusal = lower.transmit(&engine.outgoing)
      guard refusal == .unknownRegion || refusal == .closed else { break }
      engine.takeBackFirst(isClosed: refusal == .closed)
      if engine.outgoing.isEmpty { break }
    }
    return refusal
  }

  /// What waits for a neighbour ends under a reason: the answer cannot come any more.
  @inlinable
  public mutating func quiesce() {
    engine.quiesce()
    lower.quiesce()
  }

  @inlinable
  public mutating func advance(to now: MonotonicTime) -> MonotonicTime {
    let own = engine.advance(to: now)
    // The loop may sleep after this, without another turn: what goes out now is announced now.
    if !engine.outgoing.isEmpty || !engine.dropped.isEmpty { notify() }
    return min(own, lower.advance(to: now))
  }
}
