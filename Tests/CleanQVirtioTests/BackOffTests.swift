import CleanQ
import Glibc
import TestSupport
import Testing

@testable import CleanQVirtio

@Suite("Virtio: attempts and lines that a device can cause are few") struct BackOffTests {
  @Test("each delay is twice the last one, up to a limit; only a life that lasted resets it")
  func delays() {
    var backOff = BackOff(firstMilliseconds: 5, longestMilliseconds: 30)
    var delays: [UInt64] = []
    for life: UInt64 in [0, 4_999_999_999, 0, 0, 0, 5_000_000_000, 1] {
      delays.append(backOff.next(afterNanoseconds: life))
    }
    #expect(delays == [5, 10, 20, 30, 30, 5, 10])
  }

  @Test("a device that asks for a reset with each interrupt has a few lines in the log, and each time all begin again")
  func resetRequests() {
    let log = Log()
    let presence = VirtioPresence()
    let requests = ResetRequests("virtio(x)", presence, log.logger)
    let wanted = (0..<1000).count { _ in requests.look(at: [.driverOK, .needsReset]) }
    let others = [VirtioStatus.driverOK, VirtioStatus(rawValue: 0xFF)].count { requests.look(at: $0) }
    #expect(wanted == 1000 && others == 0)
    #expect(log.lines.count == 3 && log.lines.first == "warning virtio(x): the device asks for a reset")
    #expect(presence.epoch == 1000)
  }

  @Test("a device that begins again as soon as it runs is started ever more rarely")
  func restarts() throws {
    var rig = try Rig(Variant.rings[0])
    let before = rig.model.resetCount
    var starts = 0
    let end = MonotonicTime.now.advanced(byMilliseconds: 1200)
    while MonotonicTime.now < end {
      if rig.port.isJoined {
        starts += 1
        rig.model.presence.startOver()
      }
      same(rig.received(), [])
      usleep(1000)
    }
    // At once, and after 100, 200, 400 and 800 ms; every 100 ms it would be twelve.
    #expect(starts >= 1 && starts <= 5, "\(starts) starts")
    #expect(rig.model.resetCount - before <= 2 * starts + 1)
    rig.requireBalance()
  }

  @Test("what a device gives back too late is not waited for when the port is to come to rest")
  func rest() throws {
    var rig = try Rig(Variant.rings[0])
    same(rig.fill(8), 8)
    same(rig.transmit([Rig.frame(1)]), 1)
    rig.port.quiesce()
    #expect(rig.model.receive(Rig.frame(1)))
    same(rig.received(), [Rig.frame(1)])
    _ = rig.port.advance(to: MonotonicTime.now.advanced(byMilliseconds: 1000))
    #expect(rig.model.receive(Rig.frame(2)))
    same(rig.received(), [])
    rig.model.send()
    same(rig.completed(), 0)
    rig.requireBalance()
  }
}
