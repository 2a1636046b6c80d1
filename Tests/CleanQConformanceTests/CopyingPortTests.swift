import CleanQ
import CleanQConformance
import CleanQPipeline
import CleanQTesting
import Logging
import TestSupport
import Testing

/// A device sees copies only, and its user notices nothing.
@Suite("a port that copies") struct CopyingPortTests {
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private static func port() throws -> CopyingPort<TestDevice<Frame>> {
    try CopyingPort.make(on: TestDevice<Frame>(.idle()), logger: quiet)
  }

  private static func packet(_ region: borrowing Region, _ bytes: [UInt8], isLast: Bool = true) throws -> Buffer {
    var buffer = try take(region.buffer(byteCount: 4096))
    buffer.reset()
    check(buffer.fill(from: bytes.span))
    if !isLast { buffer.flags = [] }
    return buffer
  }

  @Test("conforms")
  func conformance() {
    var traits = Traits()
    traits.bufferByteCount = 2048
    traits.rewrites = true
    traits.keepsOverflow = true
    let report = Conformance.check(
      port: "copy", traits,
      prepare: { buffer, side in
        buffer.reset()
        if side == .transmit { _ = buffer.setValid(offset: 50, byteCount: 100) }
      },
      device: { (port: inout CopyingPort<TestDevice<Frame>>, _, _) in port.lower.wire.work(LayerTests.frame) },
      on: { try Self.port() })
    #expect(report.isConforming, "\(report)")
    let rules = LayerTests.rules
    #expect(report.passedRules.isSuperset(of: rules), "not put to the test: \(rules.subtracting(report.passedRules))")
  }

  @Test("what was transmitted comes back at once, and the device has a copy that nobody changes")
  func transmit() throws {
    var port = try Self.port()
    let region = try Region(byteCount: 1 << 20)
    try port.register(region)
    var burst = Burst()
    burst.append(try Self.packet(region, Array(0..<100)))
    // A packet in two buffers, longer than one of the device's.
    burst.append(try Self.packet(region, [UInt8](repeating: 1, count: 1500), isLast: false))
    burst.append(try Self.packet(region, [UInt8](repeating: 2, count: 1500)))
    check(port.transmit(&burst) == nil)
    port.complete(into: &burst)
    check(burst.count == 3)
    for index in 0..<burst.count {
      var bytes = burst[index].mutableBytes
      bytes[0] = 99
    }
    var sent = Burst()
    port.lower.wire.work([0])
    port.lower.complete(into: &sent)
    check(sent.count == 3)
    check((0..<sent.count).allSatisfy { sent[$0].region != region.id })
    check((0..<100).allSatisfy { sent[0].bytes[$0] == UInt8($0) })
    check(sent[0].flags == .last && sent[1].flags == [] && sent[2].flags == .last)
    var joined: [UInt8] = []
    for index in 1...2 { for byte in 0..<sent[index].bytes.count { joined.append(sent[index].bytes[byte]) } }
    #expect(joined == [UInt8](repeating: 1, count: 1500) + [UInt8](repeating: 2, count: 1500))
    try port.deregister(region)
    burst.releaseAll()
  }

  @Test("what was received is a copy in the user's buffers, and one too long for them is dropped")
  func receive() throws {
    var port = try Self.port()
    let region = try Region(byteCount: 1 << 20)
    try port.register(region)
    var burst = Burst()
    for _ in 0..<2 { burst.append(try take(region.buffer(byteCount: 256))) }
    check(port.fill(&burst) == nil)
    port.lower.wire.work([UInt8](repeating: 7, count: 1000))
    port.receive(into: &burst)
    check(burst.isEmpty)
    // All that came was too long; the buffers still wait.
    port.lower.wire.work([UInt8](repeating: 8, count: 60))
    port.receive(into: &burst)
    check(burst.count == 2)
    #expect(
      (0..<2).allSatisfy { burst[$0].region == region.id && burst[$0].bytes.count == 60 && burst[$0].bytes[59] == 8 })
    var report = PortReport()
    report.stages = [StageReport("device")]
    port.report(into: &report)
    let reports = report.stages
    #expect(reports.last?.drops.contains { $0.name == "too-long-to-copy" && $0.value >= 32 } == true)
    #expect(reports.last?.failure == nil)
    burst.releaseAll()
    try port.deregister(region)
  }
}
