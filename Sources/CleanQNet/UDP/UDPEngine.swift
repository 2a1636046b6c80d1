public import CleanQ
internal import CleanQWire

/// What UDP does with bursts of packets, whatever is below: checks and strips headers on receive, writes them on transmit.
///
/// Source: RFC 768; RFC 1122 § 4.1.
@usableFromInline
struct UDPEngine: Sendable {
  let ports: PortSet
  private var drops = [UInt64](repeating: 0, count: UDPDrop.allCases.count)
  var received = StageReport.Tally()
  var transmitted = StageReport.Tally()
  private var errorLimit = TokenBucket.icmpErrors
  /// Errors that were made; the layer below counts those that it sends.
  private var errorsMade: UInt64 = 0
  private var errorsLimited: UInt64 = 0
  /// The next buffer to be received continues a chain: a burst may end inside one.
  private(set) var isInsideReceivedChain = false
  /// The port of the last common datagram, as it lies in memory; none at first.
  var recentPort: UInt32 = .max
  @usableFromInline var now = MonotonicTime(nanoseconds: 0)

  init(ports: PortSet) { self.ports = ports }

  // MARK: Receive

  /// Turns the packets of a burst, from the `start`-th, into datagrams; says which are not to go up, a bit each. Those of
  /// them that bear the mark `.reply` have become ICMP errors to be sent.
  @usableFromInline
  mutating func receive(_ burst: inout Burst, from start: Int) -> UInt32 {
    var ended: UInt32 = 0
    var index = start
    while index < burst.count {
      index &+= takeFast(&burst, from: index)
      guard index < burst.count else { break }
      defer { index &+= 1 }
      let bit = UInt32(1) << UInt32(index)
      let isLast = burst[index].flags.contains(.last)
      let isChained = isInsideReceivedChain || !isLast
      isInsideReceivedChain = !isLast
      if isChained {
        // Counted once, with its last buffer; each goes back on its own.
        if isLast { count(.chained) }
        burst[index].flags = .last
        ended |= bit
      } else if let drop = receive(&burst[index]) {
        count(drop)
        ended |= bit
        burst[index].flags.remove(.reply)
        if drop == .closedPort { answer(&burst[index]) }
      }
    }
    return ended
  }

  /// Strips one header. Nil where the datagram goes up.
  mutating func receive(_ buffer: inout Buffer) -> UDPDrop? {
    guard buffer.hasMetadata else { return .noHeadroom }
    let packet = buffer.packetMetadata
    guard packet.protocol == .udp else { return .notUDP }
    let header: UDPHeader
    switch UDPHeader.parse(buffer.bytes, source: packet.source, destination: packet.destination) {
    case .success(let parsed): header = parsed
    case .failure(let error): return UDPDrop(error)
    }
    guard ports.contains(header.destinationPort) else { return .closedPort }
    // RFC 768, "Length": what follows the datagram in its packet is not part of it.
    guard buffer.truncate(to: header.totalByteCount), buffer.trimFront(UDPHeader.byteCount) else { return .truncated }
    buffer.datagramMetadata = DatagramMetadata(
      source: packet.source, sourcePort: header.sourcePort, destination: packet.destination,
      destinationPort: header.destinationPort)
    received.add(byteCount: buffer.validByteCount)
    return nil
  }

  /// Turns a datagram for a closed port into an ICMP port unreachable. RFC 1122 § 4.1.3.1.
  private mutating func answer(_ buffer: inout Buffer) {
    let packet = buffer.packetMetadata
    guard ICMPError.isAllowed(about: buffer, metadata: packet) else { return }
    guard errorLimit.take(at: now) else {
      errorsLimited &+= 1
      return
    }
    if ICMPError.makeUnreachable(code: .port, in: &buffer, metadata: packet) { errorsMade &+= 1 }
  }

  // MARK: Transmit

  /// Turns the datagrams of a burst of whole runs, from the `start`-th, into packets; says which cannot be sent.
  @usableFromInline
  mutating func transmit(_ burst: inout Burst, from start: Int = 0, maximumByteCount: Int) -> UInt32 {
    var unsent: UInt32 = 0
    var isInsideChain = false
    var index = start
    while index < burst.count {
      if !isInsideChain {
        let made = makeFast(&burst, from: index, of: burst[index].region, maximumByteCount: maximumByteCount)
        index &+= made
        if made > 0 { continue }
      }
      defer { index &+= 1 }
      // A chain is one packet, counted with its last buffer.
      let isLast = burst[index].flags.contains(.last)
      let isChained = isInsideChain || !isLast
      isInsideChain = !isLast
      if isChained {
        if isLast { count(.chained) }
        burst[index].flags = .last
        unsent |= 1 << UInt32(index)
      } else if let drop = transmit(&burst[index], maximumByteCount: maximumByteCount) {
        count(drop)
        unsent |= 1 << UInt32(index)
      }
    }
    return unsent
  }

  /// Puts one header in front. Nil where the packet goes down.
  mutating func transmit(_ buffer: inout Buffer, maximumByteCount: Int) -> UDPDrop? {
    let byteCount = buffer.validByteCount
    guard byteCount <= maximumByteCount else { return .tooLong }
    guard buffer.hasMetadata else { return .noHeadroom }
    let datagram = buffer.datagramMetadata
    guard buffer.prepend(UDPHeader.byteCount) else { return .noHeadroom }
    let header = UDPHeader(
      sourcePort: datagram.sourcePort, destinationPort: datagram.destinationPort, payloadByteCount: byteCount)
    var bytes = buffer.mutableBytes
    header.emit(into: &bytes, source: datagram.source, destination: datagram.destination)
    buffer.packetMetadata = PacketMetadata(
      source: datagram.source, destination: datagram.destination, protocol: .udp)
    transmitted.add(byteCount: byteCount)
    return nil
  }

  // MARK: Counters

  private mutating func count(_ drop: UDPDrop) { drops[drop.rawValue] &+= 1 }

  /// A packet was made in a buffer of a region that the port below does not know any more.
  @usableFromInline
  mutating func countUnknownRegion() { count(.unknownRegion) }

  /// A packet was made that nobody will send: the other side of the port below has gone.
  @usableFromInline
  mutating func countClosed() { count(.closedBelow) }

  func report() -> StageReport {
    var report = StageReport("udp")
    report.received = received
    report.transmitted = transmitted
    for drop in UDPDrop.allCases where drops[drop.rawValue] > 0 {
      report.drops.append(StageReport.Count(drop.name, drops[drop.rawValue]))
    }
    report.counters = [
      StageReport.Count("icmp-errors-made", errorsMade), StageReport.Count("icmp-rate-limited", errorsLimited),
    ]
    return report
  }
}
