public import CleanQ
internal import CleanQWire

/// UDP on a port of IP packets: datagrams for the bound ports go up, with their addresses in the metadata.
///
/// To send, put the payload behind at least ``Headroom/datagram`` bytes of headroom and set `datagramMetadata`; an answer to a
/// received datagram only has to reflect it. A datagram that cannot be sent is dropped, counted and completed as if it had
/// been; so is one in several buffers. A run without its end and a buffer of an unknown region are refused as they are.
@frozen
public struct UDPPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable where Lower.Unit == Packet {
  public typealias Unit = Datagram

  public var lower: Lower
  @usableFromInline var engine: UDPEngine
  @usableFromInline let maximumByteCount: Int
  /// Received packets that go back to the receive queue below, packets that the port below has not taken yet, and datagrams that
  /// were not sent.
  @usableFromInline var backlog = Backlog()

  /// - Parameter ports: the ports that are open; datagrams to others are answered with an ICMP error. May change while the port is
  ///   in use.
  public init(on lower: consuming Lower, ports: PortSet) {
    self.lower = lower
    engine = UDPEngine(ports: ports)
    maximumByteCount =
      self.lower.capabilities.link.maximumPacketByteCount.map { $0 - UDPHeader.byteCount }
      ?? UDPHeader.maximumPayloadByteCount
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    guard flush() else { return }
    let start = filled.count
    lower.receive(into: &filled)
    guard filled.count > start else { return }
    let ended = engine.receive(&filled, from: start)
    guard ended != 0 else { return }
    filled.move(ended, to: &backlog.toFill)
    sendAnswers()
    lower.fillOrRelease(&backlog.toFill)
  }

  /// Gives packets that wait to the port below. Those that it would never take, because it does not know their region any more
  /// or its other side has gone, are not sent.
  ///
  /// - Returns: why not all were taken.
  @inlinable
  @discardableResult
  mutating func sendOutgoing() -> Refusal? {
    guard !backlog.toTransmit.isEmpty else { return nil }
    var refusal = lower.transmit(&backlog.toTransmit)
    while refusal == .unknownRegion, backlog.toComplete.room > 0, let buffer = backlog.toTransmit.popFirst() {
      engine.countUnknownRegion()
      giveUp(buffer)
      refusal = backlog.toTransmit.isEmpty ? nil : lower.transmit(&backlog.toTransmit)
    }
    if refusal == .closed { giveUpOutgoing() }
    return refusal
  }

  /// Nobody will send what waits: it goes back as if it had been, answers too.
  @inlinable
  mutating func giveUpOutgoing() {
    while backlog.toComplete.room > 0, let buffer = backlog.toTransmit.popFirst() {
      engine.countClosed()
      giveUp(buffer)
    }
  }

  /// Gives a packet back as if it had been sent.
  @inlinable
  mutating func giveUp(_ buffer: consuming Buffer) {
    var buffer = buffer
    buffer.flags.remove(.reply)
    backlog.toComplete.append(buffer)
  }

  /// Gives what waits to the port below. Returns whether there is room for a whole burst more.
  @inlinable
  mutating func flush() -> Bool {
    sendOutgoing()
    if !backlog.toFill.isEmpty { lower.fillOrRelease(&backlog.toFill) }
    return backlog.toFill.isEmpty && backlog.toTransmit.isEmpty
  }

  /// Sends those of the dropped packets that have become answers.
  @inlinable
  mutating func sendAnswers() {
    var answers: UInt32 = 0
    for index in 0..<backlog.toFill.count where backlog.toFill[index].flags.contains(.reply) {
      answers |= 1 << UInt32(index)
    }
    guard answers != 0 else { return }
    backlog.toFill.move(answers, to: &backlog.toTransmit)
    sendOutgoing()
  }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard !filled.isEmpty else { return nil }
    // Headers are written once, into packets that this layer then keeps until the one below takes them.
    if let refusal = sendOutgoing() { return refusal == .closed ? .closed : .full }
    guard backlog.toComplete.isEmpty else { return .full }
    let region = filled[0].region
    if lower.refusal(of: region) == nil {
      let made = engine.makeFast(&filled, from: 0, of: region, maximumByteCount: maximumByteCount)
      filled.moveFirst(made, to: &backlog.toTransmit)
    }
    let refusal = filled.isEmpty ? nil : makeRest(&filled)
    sendOutgoing()
    return refusal
  }

  /// Makes packets of what is not usual, or comes after it, behind those that were made before.
  ///
  /// - Returns: why the first that is left was not taken.
  @inlinable
  mutating func makeRest(_ filled: inout Burst) -> Refusal? {
    let (count, refusal) = offer(filled)
    let start = backlog.toTransmit.count
    filled.moveFirst(count, to: &backlog.toTransmit)
    let failed = engine.transmit(&backlog.toTransmit, from: start, maximumByteCount: maximumByteCount)
    backlog.toTransmit.move(failed, to: &backlog.toComplete)
    return refusal
  }

  @inlinable
  public mutating func complete(into sent: inout Burst) {
    if !backlog.toComplete.isEmpty { sent.append(contentsOf: &backlog.toComplete) }
    lower.complete(into: &sent)
  }

  @inlinable
  public mutating func notify() {
    sendOutgoing()
    lower.notify()
  }

  public var capabilities: PortCapabilities {
    var capabilities = lower.capabilities
    capabilities.link.maximumPacketByteCount = maximumByteCount
    return capabilities
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try backlog.requireNone(of: region.id)
    try lower.deregister(region)
  }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    if case .tick(let now) = step { engine.now = now }
    var readiness = lower.sleep(step)
    if !backlog.isEmpty { readiness.hasWork = true }
    return readiness
  }

  public func report(into report: inout PortReport) {
    lower.report(into: &report)
    backlog.add(to: &report.accounts)
    report.stages.append(engine.report())
  }
}
