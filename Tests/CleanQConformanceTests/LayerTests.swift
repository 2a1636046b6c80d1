import CleanQ
import CleanQConformance
import CleanQNet
import CleanQTesting
import CleanQWire
import Testing

extension TestWire {
  /// That of a device for layers, which works when it is told to.
  static func idle() -> TestWire {
    let wire = TestWire()
    wire.holdsCompletions = true
    return wire
  }

  /// Has the device work: every empty buffer becomes a received frame, every transmitted one is sent.
  func work(_ frame: [UInt8]) {
    for _ in 0..<max(0, freeBufferCount - waitingCount) { put(frame) }
    completeAll()
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
  static let frame = TestStation.peer.datagram([1, 2, 3, 4], port: 7)

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
        device: { (port: inout IPPort<TestDevice<Frame>>, _, _) in port.lower.wire.work(Self.frame) },
        on: { try IPPort(on: TestDevice<Frame>(.idle()), IPConfiguration(address: "10.0.0.2/24")) }))
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
        device: { (port: inout UDPPort<IPPort<TestDevice<Frame>>>, _, _) in port.lower.lower.wire.work(Self.frame) },
        on: {
          UDPPort(on: try IPPort(on: TestDevice<Frame>(.idle()), IPConfiguration(address: "10.0.0.2/24")), ports: [7])
        }))
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
