import Testing
import TestSupport

@testable import CleanQ

/// What the check finds about the calls themselves, and about the side above.
@Suite("Checked port: calls") struct CheckedCallTests {
  /// A second buffer of the same bytes. SAFETY: none; the tests never touch the bytes through both.
  private func forge(_ name: Descriptor, _ region: borrowing Region) -> Buffer {
    unsafe Buffer(base: region.control.mapping.base, descriptor: name)
  }

  @Test("failure 11: a buffer that was handed down is handed down again; the second goes no further")
  func duplicateDown() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(2)
    let name = burst[1].name
    rig.port.transmit(&burst)
    burst.append(forge(name, rig.region))
    rig.port.fill(&burst)
    check(rig.kinds == [.duplicateDown] && burst.isEmpty)
    check(rig.violations.all[0].call == .fill && rig.violations.all[0].history.map(\.call) == [.transmit])
    check(rig.port.lower.held.count == 2)
  }

  @Test("a buffer twice in one burst, and one that overlaps another")
  func sameBurst() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(2)
    var name = burst[1].name
    burst.append(forge(name, rig.region))
    name.offset += 2000
    burst.append(forge(name, rig.region))
    rig.port.transmit(&burst)
    check(rig.kinds == [.duplicateDown, .overlapDown])
    check(rig.violations.all[1].byteCount == 48 && rig.port.lower.held.count == 2)
  }

  @Test("what is not taken is the caller's again, in the order in which it was offered")
  func handBack() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(4)
    rig.port.lower.fault = .takes(1)
    rig.port.transmit(&burst)
    check(burst.count == 3 && rig.kinds.isEmpty)
    rig.port.lower.fault = .reversesRest
    rig.port.transmit(&burst)
    check(rig.kinds == [.handBackChanged])
    rig.port.lower.fault = .hidesRest(taken: 1)
    rig.port.transmit(&burst)
    check(rig.kinds == [.handBackChanged, .handBackUnexplained] && rig.violations.all[1].byteCount == 4096)
    rig.port.lower.fault = .none
    rig.port.transmit(&burst)
    rig.port.complete(into: &burst)
    check(burst.count == 4 && rig.kinds.count == 2)
    burst.releaseAll()
  }

  @Test("a run that is taken in part")
  func tornRun() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(4)
    for index in 0..<3 { burst[index].flags = [] }
    rig.port.lower.fault = .takes(2)
    rig.port.transmit(&burst)
    check(rig.kinds == [.tornRun])
  }

  @Test("a buffer of a region that is not registered may be refused, but not taken")
  func unknownRegion() throws {
    var rig = try CheckedRig()
    let other = try Region(byteCount: 4096)
    var burst = try rig.buffers(1)
    burst.append(try take(other.buffer(byteCount: 64)))
    let refusal = rig.port.transmit(&burst)
    check(refusal == .unknownRegion && burst.count == 1 && rig.kinds.isEmpty)
    rig.port.lower.fault = .takesUnknown
    rig.port.transmit(&burst)
    check(rig.kinds == [.unknownRegion])
  }

  @Test("a call that appends leaves alone what was in the burst")
  func disturbed() throws {
    var rig = try CheckedRig()
    var below = try rig.buffers(2)
    rig.port.transmit(&below)
    var burst = try rig.buffers(2)
    rig.port.lower.fault = .swallows
    rig.port.complete(into: &burst)
    check(rig.kinds == [.burstDisturbed] && burst.count == 4)
    // All four came up: nothing is below.
    burst.releaseAll()
    try rig.port.deregister(rig.region)
    check(rig.kinds.count == 1)
  }

  @Test("split and merged buffers pass, cut anywhere", arguments: [1, 63, 64, 65, 1000, 2047])
  func splitAndMerge(at position: Int) throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(1)
    rig.port.transmit(&burst)
    rig.port.complete(into: &burst)
    var whole = try take(burst.popFirst())
    let rest = try take(whole.split(at: position))
    burst.append(rest)
    rig.port.transmit(&burst)
    burst.append(whole)
    rig.port.fill(&burst)
    rig.port.complete(into: &burst)
    var second = try take(burst.popFirst())
    if second.offset == 0 { swap(&second, &burst[0]) }
    var joined = try take(burst.popFirst())
    check(joined.merge(second) == nil)
    burst.append(joined)
    rig.port.transmit(&burst)
    check(rig.kinds.isEmpty && rig.port.lower.held.map(\.byteCount) == [2048])
  }

  @Test("the history of a buffer keeps the last 16 events, with its number")
  func history() throws {
    var rig = try CheckedRig()
    var burst = try rig.buffers(1)
    let name = burst[0].name
    for _ in 0..<20 {
      rig.port.fill(&burst)
      rig.port.receive(into: &burst)
      rig.port.transmit(&burst)
      rig.port.complete(into: &burst)
    }
    rig.port.lower.fault = .forged(name)
    rig.port.receive(into: &burst)
    let events = rig.violations.all[0].history
    #expect(events.count == 16 && events.map(\.operation) == Array(65...80))
    #expect(events.suffix(4).map(\.call) == [.fill, .receive, .transmit, .complete])
    #expect(events[0].description == "#65 fill 0+2048")
    burst.releaseAll()
  }
}
