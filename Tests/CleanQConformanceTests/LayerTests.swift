import CleanQ
import CleanQConformance
import CleanQNet
import CleanQWire
import Testing

/// A device for layers: it fills free buffers with a packet when it is told to, and sends what it is given.
struct DevicePort: Port, ~Copyable {
  typealias Unit = Frame

  private var inner = LoopbackPort<Frame>()
  private var filled = Burst()
  private var sent = Burst()

  init() {}

  mutating func register(_ region: borrowing Region) throws(QueueError) { try inner.register(region) }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let held = filled.byteCount(of: region.id) + sent.byteCount(of: region.id)
    guard held == 0 else { throw QueueError(.elsewhere(byteCount: held)) }
    try inner.deregister(region)
  }

  func refusal(of region: RegionID) -> Refusal? { inner.refusal(of: region) }

  // The loopback below keeps what was filled in one burst, and what was transmitted in the other, until the device works.
  mutating func fill(_ freeBuffers: inout Burst) -> Refusal? { inner.fill(&freeBuffers) }
  mutating func transmit(_ packets: inout Burst) -> Refusal? { inner.transmit(&packets) }
  mutating func receive(into burst: inout Burst) { burst.append(contentsOf: &filled) }
  mutating func complete(into burst: inout Burst) { burst.append(contentsOf: &sent) }
  var capabilities: PortCapabilities { PortCapabilities(link: .init(maximumPacketByteCount: 1514)) }
  mutating func sleep(_ step: SleepStep) -> Readiness { Readiness(hasWork: !filled.isEmpty || !sent.isEmpty) }

  /// Works: every empty becomes a received frame, every transmitted one is sent.
  mutating func work(_ frame: [UInt8]) {
    let before = filled.count
    inner.complete(into: &filled)
    for index in before..<filled.count {
      filled[index].reset()
      _ = filled[index].fill(from: frame.span)
    }
    inner.receive(into: &sent)
  }

  func report(into report: inout PortReport) {
    report.accounts = inner.accounts()
    report.accounts.addInFlight(filled)
    report.accounts.addInFlight(sent)
  }
}

@Suite("Conformance: layers on a device") struct LayerTests {
  static let rules: Set<Rule> = [
    .setUp, .conservation, .exclusion, .order, .capacity, .handBack, .register, .deregister, .regions, .generation,
    .bounds,
    .runs, .accounts, .notify, .destroy,
  ]

  private var traits: Traits {
    var traits = Traits()
    traits.bufferByteCount = 2048
    traits.rewrites = true
    traits.dropsRuns = true
    traits.heldBackBufferCount = 4
    return traits
  }

  /// A UDP datagram to port 7, with Ethernet and IP headers.
  static let frame: [UInt8] = {
    let ours = IPv4Address(10, 0, 0, 2)
    let peer = IPv4Address(10, 0, 0, 1)
    var bytes = [UInt8](repeating: 0, count: 46)
    var span = bytes.mutableSpan
    EthernetHeader(destination: MACAddress(2, 0, 10, 0, 0, 2), source: MACAddress(2, 0, 0, 0, 0, 9), etherType: .ipv4)
      .emit(into: &span)
    var packet = [UInt8](repeating: 0, count: 32)
    var packetSpan = packet.mutableSpan
    IPv4Header(source: peer, destination: ours, protocol: .udp, payloadByteCount: 12).emit(into: &packetSpan)
    packet.replaceSubrange(20..<28, with: [0x0F, 0xA0, 0, 7, 0, 12, 0, 0])
    return Array(bytes[0..<14]) + packet
  }()

  private func isConforming(_ report: ConformanceReport) {
    #expect(report.isConforming, "\(report)")
    #expect(
      report.passedRules.isSuperset(of: Self.rules),
      "not put to the test: \(Self.rules.subtracting(report.passedRules))")
  }

  @Test("IPPort on a device")
  func ip() {
    isConforming(
      Conformance.check(
        port: "ip", traits,
        prepare: { buffer, side in
          guard side == .transmit else { return buffer.reset() }
          _ = buffer.setValid(offset: 84, byteCount: 100)
          buffer.packetMetadata = PacketMetadata(
            source: .unspecified, destination: .limitedBroadcast, protocol: .udp)
        },
        device: { (port: inout IPPort<DevicePort>, _, _) in port.lower.work(Self.frame) },
        on: { try IPPort(on: DevicePort(), IPConfiguration(address: "10.0.0.2/24")) }))
  }

  @Test("UDPPort on IPPort on a device")
  func udp() {
    isConforming(
      Conformance.check(
        port: "udp over ip", traits,
        prepare: { buffer, side in
          guard side == .transmit else { return buffer.reset() }
          _ = buffer.setValid(offset: 92, byteCount: 100)
          buffer.datagramMetadata = DatagramMetadata(
            source: .unspecified, sourcePort: 7, destination: .limitedBroadcast, destinationPort: 7)
        },
        device: { (port: inout UDPPort<IPPort<DevicePort>>, _, _) in port.lower.lower.work(Self.frame) },
        on: { UDPPort(on: try IPPort(on: DevicePort(), IPConfiguration(address: "10.0.0.2/24")), ports: [7]) }))
  }
  /// No layer below turns the datagrams round: what one end sends the other receives, header and all, and gives back.
  @Test("UDPPort on both ends of an interlink")
  func udpInterlink() {
    var traits = Traits()
    traits.bufferByteCount = 2048
    traits.rewrites = true
    traits.dropsRuns = true
    traits.keepsOverflow = true
    let report = Conformance.check(
      port: "udp over an interlink", traits,
      prepare: { buffer, side in
        buffer.reset()
        guard side == .transmit else { return }
        _ = buffer.setValid(offset: 92, byteCount: 100)
        buffer.datagramMetadata = DatagramMetadata(
          source: IPv4Address(10, 0, 0, 1), sourcePort: 7, destination: IPv4Address(10, 0, 0, 2), destinationPort: 7)
      },
      ends: {
        let pair = try RingPort<Packet>.pair(slotCount: 16)
        return Ends(UDPPort(on: pair.first, ports: [7]), UDPPort(on: pair.second, ports: [7]))
      })
    isConforming(report)
    let pairRules: Set<Rule> = [.owner, .peerGone]
    #expect(report.passedRules.isSuperset(of: pairRules), "\(pairRules.subtracting(report.passedRules))")
  }
}
