import CleanQ
import Testing
import TestSupport

@testable import CleanQVirtio

@Suite("Virtio: the link of a device") struct VirtioLinkTests {
  /// Lets the port look, a second later.
  private func look(_ port: inout VirtioNetPort, _ second: UInt64) {
    _ = port.advance(to: MonotonicTime(nanoseconds: MonotonicTime.now.nanoseconds + second * 1_000_000_000))
  }

  @Test("a link that goes down and comes up is a line each, and counted; traffic goes on")
  func downAndUp() throws {
    var rig = try Rig(Variant.rings[0])
    look(&rig.port, 1)
    #expect(rig.log.lines.isEmpty && rig.count("link-downs") == 0)
    for round in 1...2 as ClosedRange<UInt64> {
      rig.model.configuration?[6] = 0
      for second in 0..<3 as Range<UInt64> { look(&rig.port, 10 * round + second) }
      #expect(rig.count("link-downs") == round)
      rig.model.configuration?[6] = 1
      look(&rig.port, 10 * round + 3)
    }
    #expect(rig.log.lines.count == 3, "the fourth is left out: the log is limited")
    #expect(
      rig.log.lines[0]
        == "warning model: the link is down: no frame passes; bring it up where the device is made, in QEMU with \"set_link NAME on\""
    )
    #expect(rig.log.lines[1] == "notice model: the link is up again")
    same(rig.fill(4), 4)
    #expect(rig.model.receive(Rig.frame(1)))
    same(rig.received(), [Rig.frame(1)])
    rig.requireBalance()
  }

  @Test("a device that does not state it is up")
  func unstated() throws {
    var rig = try Rig(Variant(features: [.version1]))
    rig.model.configuration?[6] = 0
    look(&rig.port, 1)
    #expect(rig.log.lines.isEmpty && rig.count("link-downs") == 0)
  }
}
