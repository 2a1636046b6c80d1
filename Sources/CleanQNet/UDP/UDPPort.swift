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
  /// Received packets to be given back to the receive queue below.
  @usableFromInline var dropped = Burst()
  /// Packets that the port below has not taken yet.
  @usableFromInline var outgoing = Burst()
  /// Datagrams that were not sent.
  @usableFromInline var unsent = Burst()

  /// - Parameter ports: the ports that are open; datagrams to others are answered with an ICMP error.
  public init(on lower: consuming Lower, ports: [UInt16]) {
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
    filled.move(ended, to: &dropped)
    sendAnswers()
    lower.fillOrRelease(&dropped)
  }

  /// Gives packets that wait to the port below. Those that it would never take, because it does not know their region any more
  /// or its other side has gone, are not sent.
  ///
  /// - Returns: why not all were taken.
  @inlinable
  @discardableResult
  mutating func sendOutgoing() -> Refusal? {
    guard !outgoing.isEmpty else { return nil }
    var refusal = lower.transmit(&outgoing)
    while refusal == .unknownRegion, unsent.room > 0, let buffer = outgoing.popFirst() {
      engine.countUnknownRegion()
      giveUp(buffer)
      refusal = outgoing.isEmpty ? nil : lower.transmit(&outgoing)
    }
    if refusal == .closed { giveUpOutgoing() }
    return refusal
  }

  /// Nobody will send what waits: it goes back as if it had been, answers too.
  @inlinable
  mutating func giveUpOutgoing() {
    while unsent.room > 0, let buffer = outgoing.popFirst() {
      engine.countClosed()
      giveUp(buffer)
    }
  }

  /// Gives a packet back as if it had been sent.
  @inlinable
  mutating func giveUp(_ buffer: consuming Buffer) {
    var buffer = buffer
    buffer.flags.remove(.reply)
    unsent.append(buffer)
  }

  /// Gives what waits to the port below. Returns whether there is room for a whole burst more.
  @inlinable
  mutating func flush() -> Bool {
    sendOutgoing()
    if !dropped.isEmpty { lower.fillOrRelease(&dropped) }
    return dropped.isEmpty && outgoing.isEmpty
  }

  /// Sends those of the dropped packets that have become answers.
  @inlinable
  mutating func sendAnswers() {
    var answers: UInt32 = 0
    for index in 0..<dropped.count where dropped[index].flags.contains(.reply) { answers |= 1 << UInt32(index) }
    guard answers != 0 else { return }
    dropped.move(answers, to: &outgoing)
    sendOutgoing()
  }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard !filled.isEmpty else { return nil }
    // Headers are written once, into packets that this layer then keeps until the one below takes them.
    if let refusal = sendOutgoing() { return refusal == .closed ? .closed : .full }
    guard unsent.isEmpty else { return .full }
    let region = filled[0].region
    if lower.refusal(of: region) == nil {
      let made = engine.makeFast(&filled, from: 0, of: region, maximumByteCount: maximumByteCount)
      filled.moveFirst(made, to: &outgoing)
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
    let start = outgoing.count
    filled.moveFirst(count, to: &outgoing)
    let failed = engine.transmit(&outgoing, from: start, maximumByteCount: maximumByteCount)
    outgoing.move(failed, to: &unsent)
    return refusal
  }

  @inlinable
  public mutating func complete(into sent: inout Burst) {
    if !unsent.isEmpty { sent.append(contentsOf: &unsent) }
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
    let held = [dropped.byteCount(of: region.id), outgoing.byteCount(of: region.id), unsent.byteCount(of: region.id)]
    let elsewhere = held.reduce(0, +)
    guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
    try lower.deregister(region)
  }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    if case .tick(let now) = step { engine.now = now }
    var readiness = lower.sleep(step)
    if !outgoing.isEmpty || !unsent.isEmpty || !dropped.isEmpty { readiness.hasWork = true }
    return readiness
  }

  public func report(into report: inout PortReport) {
    lower.report(into: &report)
    report.accounts.addInFlight(dropped)
    report.accounts.addInFlight(outgoing)
    report.accounts.addInFlight(unsent)
    report.stages.append(engine.report())
  }
}
