import CleanQ
import CleanQNet
import CleanQPipeline
import CleanQWire
import Synchronization

/// The `generate` stage: so many UDP datagrams from 10.0.0.1 to 10.0.0.2, port 7, as fast as they are taken. Before the
/// first comes a question by ARP, so that an IP layer knows whom to answer. What is sent to it is counted and given back.
struct Generator: EndStage {
  let packetCount: Int

  var shape: StageShape { .end(.frame, right: false) }

  func open(in context: PipelineContext) throws(StageError) -> GeneratorPort { GeneratorPort(packetCount: packetCount) }

  static var kind: StageKind {
    StageKind(
      name: "generate", summary: "makes UDP datagrams in Ethernet frames", shapes: [.end(.frame, right: false)],
      parameters: [Parameter("packets", .integer(1...Int.max, unit: "packets"), required: true, "how many")]
    ) { arguments throws(ArgumentError) in Generator(packetCount: arguments.integer("packets") ?? 1) }
  }
}

struct GeneratorPort: Port, ~Copyable {
  typealias Unit = Frame

  /// Several bursts, so that there is always a whole one here, whatever else is on its way.
  private static let bufferCount = 4 * Burst.capacity

  private var table = RegionTable()
  private var freeBuffers = BufferStore(capacity: Self.bufferCount)
  private var returning = Burst()
  private var packetsLeft: Int
  /// The packet with which the steady state begins, counted down as `packetsLeft`.
  private let beginning: Int
  /// What was called until the steady state began, and until the last packet was taken.
  private var callsBefore = CallCounts()
  private var callsAfter = CallCounts()
  private var received = StageReport.Tally()
  private var transmitted = StageReport.Tally()
  private let question = Frames.question()
  private let datagram = Frames.datagram(payloadByteCount: 22)

  init(packetCount: Int) {
    packetsLeft = packetCount
    beginning = packetCount - packetCount / 10
    CallCounts.prepare()
  }

  mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let elsewhere = freeBuffers.byteCount(of: region.id) + returning.byteCount(of: region.id)
    guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
    try table.remove(region.id)
  }

  func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    let (taken, refusal) = table.offer(freeBuffers, room: self.freeBuffers.room, capacity: Self.bufferCount)
    for _ in 0..<taken { if let buffer = freeBuffers.popFirst() { self.freeBuffers.append(buffer) } }
    return refusal
  }

  mutating func receive(into filled: inout Burst) {
    while packetsLeft > 0, filled.room > 0, var buffer = freeBuffers.popFirst() {
      buffer.reset()
      let isFirst = received.packets == 0
      let isWritten = isFirst ? buffer.fill(from: question.span) : buffer.fill(from: datagram.span)
      guard isWritten else { fatalError("a buffer is too short for a frame") }
      received.add(byteCount: buffer.validByteCount)
      if !isFirst { packetsLeft -= 1 }
      filled.append(buffer)
      if packetsLeft == beginning { callsBefore = .now() }
      if packetsLeft == 0 { callsAfter = .now() }
    }
  }

  mutating func transmit(_ filled: inout Burst) -> Refusal? {
    let before = filled.count
    let refusal = table.move(&filled, to: &returning)
    transmitted.packets &+= UInt64(before - filled.count)
    return refusal
  }

  mutating func complete(into sent: inout Burst) { sent.append(contentsOf: &returning) }

  mutating func control(_ request: ControlRequest) throws(QueueError) { if request == .quiesce { packetsLeft = 0 } }

  mutating func sleep(_ step: SleepStep) -> Readiness {
    Readiness(
      hasWork: !returning.isEmpty || (packetsLeft > 0 && !freeBuffers.isEmpty), isExhausted: packetsLeft == 0)
  }

  var capabilities: PortCapabilities {
    PortCapabilities(wantedBufferCount: Self.bufferCount, wantedBufferByteCount: 2048)
  }

  func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = table.byteCount
    freeBuffers.add(to: &report.accounts)
    report.accounts.addInFlight(returning)
    var own = StageReport("generate")
    own.received = received
    own.transmitted = transmitted
    own.counters = zip(CallCounts.names, callsAfter.since(callsBefore)).map {
      StageReport.Count($0, UInt64($1))
    }
    report.stages.append(own)
  }
}

/// The frames that are generated.
enum Frames {
  static let host = IPv4Address(10, 0, 0, 2)
  static let hostMAC = MACAddress(2, 0, 10, 0, 0, 2)
  static let peer = IPv4Address(10, 0, 0, 1)
  static let peerMAC = MACAddress(2, 0, 10, 0, 0, 1)

  static func question() -> [UInt8] {
    frame(to: .broadcast, .arp, byteCount: ARPPacket.byteCount) { packet in
      ARPPacket.request(for: host, from: peerMAC, peer).emit(into: &packet)
    }
  }

  static func datagram(payloadByteCount: Int) -> [UInt8] {
    var datagram = [UInt8](repeating: 0x5A, count: UDPHeader.byteCount + payloadByteCount)
    var bytes = datagram.mutableSpan
    UDPHeader(sourcePort: 4000, destinationPort: 7, payloadByteCount: payloadByteCount)
      .emit(into: &bytes, source: peer, destination: host)
    let packet = IPv4Header(source: peer, destination: host, protocol: .udp, payloadByteCount: datagram.count)
    return frame(to: hostMAC, .ipv4, byteCount: IPv4Header.byteCount) { packet.emit(into: &$0) } + datagram
  }

  private static func frame(
    to destination: MACAddress, _ type: EtherType, byteCount: Int, _ emit: (inout MutableSpan<UInt8>) -> Void
  ) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: EthernetHeader.byteCount)
    var bytes = header.mutableSpan
    EthernetHeader(destination: destination, source: peerMAC, etherType: type).emit(into: &bytes)
    var packet = [UInt8](repeating: 0, count: byteCount)
    var rest = packet.mutableSpan
    emit(&rest)
    return header + packet
  }
}
