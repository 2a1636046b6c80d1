import Testing
import TestSupport

@testable import CleanQ

/// Each test hands four buffers down to a port that then does one thing wrong.
@Suite("Checked port: what it finds") struct CheckedPortTests {
  @Test("a port that keeps the contract is not reported")
  func clean() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(4)
    for lap in 0..<100 {
      rig.port.lower.fault = .takes(lap % 6)
      rig.port.transmit(&burst)
      rig.port.complete(into: &burst)
      rig.port.lower.fault = .none
      rig.port.fill(&burst)
      rig.port.receive(into: &burst)
      check(burst.count == 4)
    }
    let reports = rig.port.report().stages
    #expect(reports.map(\.name) == ["forger", "checked"] && rig.kinds.isEmpty)
    check(reports[1].drops.isEmpty)
    burst.releaseAll()
    try rig.port.deregister(rig.region)
    check(rig.port.violationCount == 0)
  }

  @Test("defect: the checking module lets a duplicate dequeue pass (failure 4: double completion)")
  func twice() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(4)
    let first = burst[0].name
    rig.port.transmit(&burst)
    rig.port.lower.fault = .twice
    rig.port.complete(into: &burst)
    check(rig.kinds == [.duplicateUp])
    let violation = try #require(rig.violations.all.first)
    #expect(violation.buffer == first && violation.call == .complete && violation.stageBelow == "forger")
    #expect(violation.operation == 6 && violation.time.nanoseconds > 0)
    #expect(violation.history.map(\.call) == [.transmit, .complete])
    #expect(violation.description.contains("duplicate-up: a buffer came up twice; buffer 0+2048 of region"))
    // The forged one goes no further, and nothing is lost.
    let offsets = (0..<burst.count).map { burst[$0].offset }
    #expect(Set(offsets) == [0, 2048, 4096, 6144] && offsets.count == 4)
    burst.releaseAll()
    check(rig.region.liveByteCount == 0)
  }

  @Test("failure 4: a buffer that was never handed down, and one of a region that was retired")
  func forged() throws {
    var rig = try CheckedRig()
    let retired = try Region(byteCount: 4096)
    let names = [
      Descriptor(region: rig.region.id, offset: 32768, byteCount: 64),
      Descriptor(region: retired.id, offset: 0, byteCount: 64), Descriptor(region: .none, offset: 0, byteCount: 64),
      Descriptor(
        region: RegionID(slot: rig.region.id.slot, generation: rig.region.id.generation + 1), offset: 0, byteCount: 64),
    ]
    for name in names {
      var burst = Burst()
      rig.port.lower.fault = .forged(name)
      rig.port.receive(into: &burst)
      check(burst.isEmpty)
    }
    check(rig.kinds == [.duplicateUp, .unknownRegion, .unknownRegion, .unknownRegion])
    check(rig.violations.all[0].description.contains("never handed down"))
    let reports = rig.port.report().stages
    #expect(reports[1].drops == [StageReport.Count("withheld", 4)])
    #expect(reports[1].counters.contains(StageReport.Count("unknown-region", 3)))
    #expect(reports[1].counters.contains(StageReport.Count("violations", 4)))
  }

  @Test("defect: the checking module compares the wrong length", arguments: [1, 63, 64, 65, 2048])
  func longer(by excess: Int) throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(2)
    var name = burst[0].name
    rig.port.transmit(&burst)
    rig.port.complete(into: &burst)
    let second = try take(burst.popFirst())
    rig.port.transmit(&burst)
    // The first is above, the second below: it comes back longer in front, or behind.
    name.offset = 2048 - UInt64(excess)
    name.byteCount = UInt32(2048 + excess)
    rig.port.lower.fault = .forged(name)
    rig.port.complete(into: &burst)
    check(rig.kinds == [.overlapUp])
    check(rig.violations.all[0].byteCount == excess)
    check(burst.count == 1 && burst[0].offset == 2048 && burst[0].byteCount == 2048)
    second.release()
    burst.releaseAll()
  }

  @Test("a part that comes up is a split; the rest is missed at the end, and at deregistration")
  func part() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(1)
    rig.port.fill(&burst)
    rig.port.lower.fault = .part(100)
    rig.port.receive(into: &burst)
    check(rig.kinds.isEmpty && burst[0].byteCount == 100)
    _ = (rig.port.report(), rig.port.report())
    check(rig.kinds == [.lost] && rig.violations.all[0].byteCount == 1948)
    burst.releaseAll()
    try rig.port.deregister(rig.region)
    check(rig.kinds == [.lost, .earlyDeregister] && rig.violations.all[1].byteCount == 1948)
  }

  @Test("bytes that are never returned are reported at the end; so is accounts with too many")
  func lost() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(4)
    rig.port.lower.fault = .loses
    rig.port.fill(&burst)
    let reports = rig.port.report().stages
    check(rig.kinds == [.lost] && rig.violations.all[0].byteCount == 2048)
    #expect(reports[1].counters.contains(StageReport.Count("lost", 1)))
    rig.port.lower.inventedByteCount = 4096
    _ = rig.port.report()
    check(rig.kinds == [.lost, .surplus] && rig.violations.all[1].byteCount == 2048)
  }

  @Test("failure 6: a region is deregistered while bytes of it are below")
  func earlyDeregister() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(3)
    rig.port.fill(&burst)
    #expect(throws: QueueError(.elsewhere(byteCount: 3 * 2048))) { try rig.port.deregister(rig.region) }
    check(rig.kinds.isEmpty)
    rig.port.lower.fault = .deregistersEarly
    try rig.port.deregister(rig.region)
    check(rig.kinds == [.earlyDeregister] && rig.violations.all[0].byteCount == 3 * 2048)
  }

  @Test("failure 2: a buffer only partly inside its region, and offsets whose sum overflows")
  func bounds() throws {
    var rig = try CheckedRig()
    let faults: [(UInt64, UInt32)] = [(65_535, 2), (65_536, 1), (.max, 1), (.max - 1, .max), (0, 0), (0, .max)]
    for (offset, byteCount) in faults {
      var burst = Burst()
      rig.port.lower.fault = .forged(Descriptor(region: rig.region.id, offset: offset, byteCount: byteCount))
      rig.port.complete(into: &burst)
      check(burst.isEmpty)
    }
    check(rig.kinds == Array(repeating: .outOfBounds, count: faults.count))
  }

  @Test("a valid part outside the buffer comes up empty, and the buffer is not lost")
  func validPart() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(1)
    var name = burst[0].name
    rig.port.fill(&burst)
    rig.port.lower.held.removeAll()
    name.validOffset = 2048
    name.validByteCount = .max
    name.flags = BufferFlags(rawValue: .max)
    rig.port.lower.fault = .forged(name)
    rig.port.receive(into: &burst)
    check(rig.kinds == [.outOfBounds] && burst.count == 1)
    check(burst[0].validByteCount == 0 && burst[0].headroom == 0 && burst[0].flags == .all)
    burst.releaseAll()
  }

  @Test("after 16 reports violations are only counted")
  func bounded() throws {
    var rig = try CheckedRig()
    for _ in 0..<100 {
      var burst = Burst()
      rig.port.lower.fault = .forged(Descriptor(region: rig.region.id, offset: 0, byteCount: 64))
      rig.port.receive(into: &burst)
    }
    check(rig.violations.all.count == 16 && rig.port.violationCount == 100)
    check(rig.violations.all.map(\.isLastReported) == Array(repeating: false, count: 15) + [true])
    check(rig.port.violationCount(of: .duplicateUp) == 100)
  }

  @Test("with stop, the first violation exhausts the port")
  func stops() throws {
    let region = try Region(byteCount: 4096)
    var port = CheckedPort(on: ForgingPort(), stops: true)
    try port.register(region)
    check(!port.isExhausted)
    var burst = Burst()
    port.lower.fault = .forged(Descriptor(region: region.id, offset: 0, byteCount: 64))
    port.receive(into: &burst)
    check(port.isExhausted)
  }
}
