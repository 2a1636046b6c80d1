import CleanQ
import CleanQConformance
import Testing

@testable import CleanQVirtio

@Suite("Conformance: virtqueues", .serialized) struct VirtioConformanceTests {
  static let queueSize = 64

  static func port(_ model: ModelDevice) throws -> VirtioNetPort {
    var options = VirtioNetOptions()
    options.declined = []
    return try VirtioNetPort(try VirtioNetDevice(model, options: options))
  }

  @Test("an honest device: the transmit queue", arguments: Variant.all)
  func transmit(_ variant: Variant) {
    let report = Conformance.check("transmit", Traits(capacity: nil)) {
      let model = ModelDevice(variant.features, queueSize: Self.queueSize)
      return Pairing(
        PortSubject(.transmit, of: try Self.port(model)),
        DevicePeer(.transmit) { _, _, count in for _ in 0..<count { model.send() } })
    }
    #expect(report.isConforming, "\(report)")
    let expected: Set<Rule> = [
      .setUp, .conservation, .exclusion, .order, .integrity, .handBack, .register, .deregister, .regions, .generation,
      .bounds, .splitMerge, .runs, .accounts, .notify, .destroy,
    ]
    #expect(report.passedRules.isSuperset(of: expected), "\(expected.subtracting(report.passedRules))")
  }

  @Test("an honest device: the receive queue", arguments: Variant.all)
  func receive(_ variant: Variant) {
    var traits = Traits()
    traits.rewrites = true
    traits.bufferByteCount = 256
    let report = Conformance.check("receive", traits) {
      let model = ModelDevice(variant.features, queueSize: Self.queueSize)
      return Pairing(
        PortSubject(.receive, of: try Self.port(model)),
        DevicePeer(.receive) { _, _, count in for _ in 0..<count { model.receive(Rig.frame(1)) } })
    }
    #expect(report.isConforming, "\(report)")
    let expected: Set<Rule> = [
      .setUp, .conservation, .exclusion, .order, .handBack, .register, .deregister, .regions, .generation, .bounds,
      .runs, .accounts, .notify, .destroy,
    ]
    #expect(report.passedRules.isSuperset(of: expected), "\(expected.subtracting(report.passedRules))")
  }

  @Test(
    "failures 1, 3, 4, 5, 7, defect: an invalid dequeue loses the buffer. A hostile device", arguments: Variant.all,
    [PortSide.receive, .transmit])
  func hostile(_ variant: Variant, _ side: PortSide) {
    var traits = Traits(capacity: 128)
    traits.bufferByteCount = 256
    let report = Conformance.check(hostile: "\(side)", traits) {
      let model = ModelDevice(variant.features, queueSize: Self.queueSize)
      return HostilePairing(PortSubject(side, of: try Self.port(model)), VirtioLiar(side, model))
    }
    #expect(report.isConforming, "\(report)")
    #expect(report.passedRules == [.hostilePeer])
  }
}
