import CleanQ
import CleanQConformance
import CleanQCapture
import Testing
import TestSupport

/// The contract, for the tap on any port and for the file as a source.
@Suite("Conformance: captures") struct PcapConformanceTests {
  let folder: Folder
  let log = Log()

  init() throws { folder = try Folder() }

  private func expect(_ report: ConformanceReport, _ rules: Set<Rule>) {
    #expect(report.isConforming, "\(report)")
    #expect(report.passedRules.isSuperset(of: rules), "not put to the test: \(rules.subtracting(report.passedRules))")
  }

  private static let everyQueue: Set<Rule> = [
    .setUp, .conservation, .exclusion, .order, .capacity, .handBack, .register, .deregister, .regions, .generation,
    .bounds, .runs, .accounts, .notify, .destroy,
  ]
  private static let everyPair = everyQueue.union([.integrity, .splitMerge, .bursts, .owner, .peerGone])

  private func tap<Unit: Traffic>(
    _ kind: Unit.Type, _ options: (String) -> CaptureOptions = { CaptureOptions($0) }
  ) -> ConformanceReport {
    Conformance.check(port: "pcap over an interlink of \(Unit.kind)", Traits(capacity: 8)) {
      let pair = try RingPort<Unit>.pair(slotCount: 8)
      return Ends(
        try PcapPort(pair.first, options(folder("first.pcap")), onEvent: log.events),
        try PcapPort(
          PcapPort(pair.second, options(folder("second.pcap")), onEvent: log.events), options(folder("third.pcap")),
          onEvent: log.events))
    }
  }

  @Test("PcapPort on both ends of an interlink, one on top of another: frames")
  func frames() { expect(tap(Frame.self), Self.everyPair) }

  @Test("PcapPort with a filter, cut short, and complete after a few")
  func filtered() {
    let report = tap(Frame.self) { CaptureOptions($0, filter: "greater 60", snaplen: 70, precision: .nano, count: 9) }
    expect(report, Self.everyPair)
  }

  /// What it writes in front of these it takes from metadata, which the suite's buffers are too short for, or lack.
  @Test("PcapPort on packets and on datagrams without metadata")
  func annotated() {
    expect(tap(Packet.self), Self.everyPair)
    expect(tap(Datagram.self), Self.everyPair)
  }

  @Test("PcapSource: the file as receive queue, and its transmit queue that sends nothing")
  func source() throws {
    let path = folder("in.pcap")
    try write(
      captureFile((0..<20_000).map { udpFrame(to: 7, payload: [UInt8](repeating: 1, count: $0 % 50)) }), to: path)
    var traits = Traits()
    traits.bufferByteCount = 256
    let sending = Conformance.check("pcap source, transmit", traits) {
      Pairing(
        PortSubject(.transmit, of: try PcapSource(path, onEvent: log.events)),
        DevicePeer<PcapSource>(.transmit) { _, _, _ in })
    }
    expect(sending, Self.everyQueue.union([.integrity, .splitMerge]))
    traits.rewrites = true
    let receiving = Conformance.check("pcap source, receive", traits) {
      Pairing(
        PortSubject(.receive, of: try PcapSource(path, onEvent: log.events)),
        DevicePeer<PcapSource>(.receive) { _, _, _ in })
    }
    expect(receiving, Self.everyQueue)
    for report in [sending, receiving] {
      #expect(Set(report.notApplicable.keys).isSuperset(of: [.owner, .peerGone, .hostilePeer]), "a file never goes")
    }
  }
}
