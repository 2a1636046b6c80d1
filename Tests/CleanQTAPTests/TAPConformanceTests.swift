import CleanQ
import CleanQConformance
import Testing
import TestSupport

@testable import CleanQTAP
import CleanQTAPStages

extension WithDevices {
  /// The contract, with the kernel as the other side: it sends what a socket broadcasts, and takes whatever is written.
  @Suite("Conformance: the TAP device") struct TAPConformanceTests {
    private static let rules: Set<Rule> = [
      .setUp, .conservation, .exclusion, .order, .capacity, .handBack, .register, .deregister, .regions, .generation,
      .bounds, .runs, .accounts, .notify, .destroy,
    ]

    private func check(
      _ side: PortSide, _ io: TAP.IO, offload: Bool, _ traits: Traits, _ rules: Set<Rule>
    ) throws {
      let report = try Namespace.enter {
        Conformance.check("tap by \(io), \(side)", traits) {
          let port = try TAP("tap0", address: "10.9.0.1/24", io: io, offload: offload).open(in: .quiet)
          let socket = try KernelSocket()
          return Pairing(
            PortSubject(side, of: port),
            DevicePeer<TAPPort>(side) { _, side, count in
              guard side == .receive else { return }
              for _ in 0..<count { socket.broadcast([1, 2, 3]) }
            })
        }
      }
      #expect(report.isConforming, "\(report)")
      #expect(report.passedRules.isSuperset(of: rules), "not put to the test: \(rules.subtracting(report.passedRules))")
      // The kernel has no end of its own that the suite could drive, and is trusted; its going is TAPFailureTests' matter.
      #expect(Set(report.notApplicable.keys).isSuperset(of: [.owner, .peerGone, .hostilePeer]))
    }

    @Test("TAPPort: the transmit queue", arguments: transports, [false, true])
    func transmit(_ io: TAP.IO, offload: Bool) throws {
      try check(.transmit, io, offload: offload, Traits(), Self.rules.union([.integrity, .splitMerge]))
    }

    @Test("TAPPort: the receive queue", arguments: transports, [false, true])
    func receive(_ io: TAP.IO, offload: Bool) throws {
      var traits = Traits()
      traits.rewrites = true
      traits.bufferByteCount = 2048
      try check(.receive, io, offload: offload, traits, Self.rules)
    }
  }
}
