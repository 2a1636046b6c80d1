public import CleanQ
internal import CleanQWire

/// IPv4 over Ethernet on a port of frames: ARP, ICMP, and packets for this host.
///
/// To send, put a packet's payload behind ``Headroom/packet`` bytes of headroom and set `packetMetadata`; a source of 0.0.0.0
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
  ///   - sharedNeighbors: what the instances of this port tell each other; nil where there is only one.
  ///   - onEvent: is told what stations on the link do; nil for nobody.
  public init(
    on lower: consuming Lower, _ configuration: IPConfiguration, now: MonotonicTime = .now,
    sharedNeighbors: SharedNeighborCache? = nil, onEvent: IPEventHandler? = nil
  ) {
    self.lower = lower
    let link = self.lower.capabilities.link
    let address = link.hardwareAddress.flatMap { MACAddress(rawValue: $0) }
    engine = IPEngine(
      configuration, hardwareAddress: address?.isUnicast == true ? address : nil,
      mtu: link.maximumPacketByteCount.map { $0 - EthernetHeader.byteCount } ?? 1500, now: now,
      sharedNeighbors: sharedNeighbors,
      onEvent: onEvent)
  }

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    if !engine.backlog.toFill.isEmpty { lower.fillOrRelease(&engine.backlog.toFill) }
    engine.collectSpares(from: &freeBuffers)
    return freeBuffers.isEmpty ? nil : lower.fill(&freeBuffers)
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    flush()
    if engine.backlog.toReceive.isEmpty { lower.receive(into: &engine.backlog.toReceive) }
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
    if !engine.backlog.toFill.isEmpty { lower.fillOrRelease(&engine.backlog.toFill) }
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
    if !engine.backlog.toFill.isEmpty { lower.fillOrRelease(&engine.backlog.toFill) }
    return engine.backlog.toTransmit.isEmpty ? nil : sendOutgoing()
  }

  /// Gives the frames that wait to the port below, and takes back those that it will never take.
  ///
  /// - Returns: why the first frame that is left was not taken.
  @inlinable
  mutating func sendOutgoing() -> Refusal? {
    var refusal: Refusal?
    for _ in 0..<Burst.capacity {
      refusal = lower.transmit(&engine.backlog.toTransmit)
      guard refusal == .unknownRegion || refusal == .closed else { break }
      engine.takeBackFirst(isClosed: refusal == .closed)
      if engine.backlog.toTransmit.isEmpty { break }
    }
    return refusal
  }
}
