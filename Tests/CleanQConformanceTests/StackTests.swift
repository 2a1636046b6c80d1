import CleanQ
import CleanQConformance
import CleanQNet
import CleanQNetStages
import CleanQPipeline
import CleanQTesting
import CleanQWire
import Logging
import TestSupport
import Testing

/// What the text names as the left end.
private struct Device: EndStage {
  typealias Unit = Frame

  var shape: StageShape { .end(.frame, right: true) }

  func open(in context: PipelineContext) throws(StageError) -> TestDevice<Frame> { TestDevice() }
}

/// Stacks: each conforms as a whole, whatever it is put together from.
@Suite("Conformance: stacks") struct StackTests {
  private func expect(_ report: ConformanceReport, _ rules: Set<Rule>) {
    #expect(report.isConforming, "\(report)")
    #expect(report.passedRules.isSuperset(of: rules), "not put to the test: \(rules.subtracting(report.passedRules))")
  }

  private static let alarm: @Sendable (OwnershipViolation) -> Void = { Issue.record("false alarm: \($0)") }

  /// A check keeps a bit for each byte, and so wants memory for a region of 8 GiB.
  private static func plain(_ capacity: Int) -> Traits {
    var traits = Traits(capacity: capacity)
    traits.takesHugeRegions = false
    traits.seesEveryBuffer = true
    return traits
  }

  @Test("checked over a ring, on both ends")
  func checkedRing() {
    let report = Conformance.check("checked over a ring", Self.plain(8)) {
      let pair = try RingQueue.pair(slotCount: 8)
      return Ends(
        CheckedQueue(CheckedQueue(pair.first, report: Self.alarm), report: Self.alarm),
        CheckedQueue(pair.second, report: Self.alarm))
    }
    expect(report, ProjectQueueTests.everyPair)
  }

  @Test("checked over a loopback")
  func checkedLoopback() {
    let report = Conformance.check(
      "checked over a loopback", Self.plain(32),
      loopback: { CheckedQueue(LoopbackQueue(), report: Self.alarm) })
    expect(report, ProjectQueueTests.everyQueue)
  }

  @Test("checked over count over checked over an interlink")
  func checkedInterlink() {
    let report = Conformance.check(port: "checked over an interlink", Self.plain(8)) {
      let pair = try RingPort<Frame>.pair(slotCount: 8)
      return Ends(
        CheckedPort(on: CountPort(on: CheckedPort(on: pair.first, report: Self.alarm)), report: Self.alarm),
        CheckedPort(on: pair.second, report: Self.alarm))
    }
    expect(report, ProjectQueueTests.everyPair)
  }

  @Test("discard: every packet comes back as sent")
  func discard() {
    let report = Conformance.check("discard", Traits(capacity: 32)) {
      Pairing(
        PortSubject(.transmit, of: DiscardPort<Frame>()), DevicePeer<DiscardPort<Frame>>(.transmit) { _, _, _ in })
    }
    expect(report, ProjectQueueTests.everyQueue.subtracting([.bursts]))
  }

  // MARK: Layers

  private static var layerTraits: Traits {
    var traits = Traits()
    traits.bufferByteCount = 2048
    traits.rewrites = true
    traits.dropsRuns = true
    traits.heldBackBufferCount = 4
    return traits
  }

  private static func prepare(_ buffer: inout Buffer, _ side: PortSide) {
    guard side == .transmit else { return buffer.reset() }
    _ = buffer.setValid(offset: 92, byteCount: 100)
    buffer.datagramMetadata = DatagramMetadata(
      source: .unspecified, sourcePort: 7, destination: .limitedBroadcast, destinationPort: 7)
  }

  /// The stages of a text, put together as a text pipeline does: a dynamic call between any two.
  @Test(
    "put together from a text",
    arguments: [
      "ip(10.0.0.2/24) | udp(7)", "checked | ip(10.0.0.2/24) | checked | udp(7) | checked",
      "count | checked | ip(10.0.0.2/24) | count | udp(7)",
    ])
  func text(_ text: String) throws {
    let device = StageKind(name: "device", summary: "a device", shapes: [.end(.frame, right: true)]) {
      _ throws(ArgumentError) in Device()
    }
    let catalog = StageCatalog([device, IP.kind, UDP.kind, Count.kind, Checked.kind, Echo.kind])
    let stages = try PipelineText.check("device | \(text) | echo", catalog: catalog, cpuCount: 1).stages
    let log = Logger(label: "conformance")
    let context = PipelineContext(logger: log)
    let wire = Box(TestWire.idle())
    let report = Conformance.check(
      port: text, Self.layerTraits, prepare: Self.prepare,
      device: { (_: inout AnyPort<Datagram>, _, _) in wire.value?.work(LayerTests.frame) },
      on: {
        let device = TestDevice<Frame>(.idle())
        wire.value = device.wire
        var stack = AnyStack.frames(AnyPort(device))
        for stage in stages.dropFirst().dropLast() {
          switch stage.description {
          case let layer as any LayerStage: stack = try take(layer.put(on: stack, in: context))
          case let pass as any PassThroughStage: stack = try pass.put(on: stack, in: context)
          default: Issue.record("\(stage) is neither a layer nor a pass-through")
          }
        }
        return try take(stack.port(of: Datagram.self))
      })
    expect(report, LayerTests.rules)
  }
}
