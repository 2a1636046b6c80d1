import CleanQ
import CleanQPipeline
import Glibc
import Testing
import TestSupport

@testable import CleanQTAP

extension WithDevices {
  /// What somebody else does to the device while it is open.
  @Suite struct TAPWatchTests {
    /// Lets the next look happen.
    private func look(_ rig: inout Rig, _ now: inout MonotonicTime) {
      now = now.advanced(byMilliseconds: 1000)
      _ = rig.port.advance(to: now)
    }

    @Test func raisedMTUIsAdopted() throws {
      try Namespace.enter {
        var rig = try Rig(transports[0])
        var now = MonotonicTime.now
        #expect(rig.port.advance(to: now) == now.advanced(byMilliseconds: TAPWatch.intervalMilliseconds))
        try Administrator.setMTU(1900)
        look(&rig, &now)
        #expect(rig.port.mtu == 1900 && rig.counter("mtu-changes") == 1)
        #expect(rig.log.lines.contains { $0.hasPrefix("notice tap(tap0): the MTU of tap0 was 1500 and is 1900") })
        rig.socket.broadcast(UDPFrame.number(1) + [UInt8](repeating: 0, count: 1800))
        #expect(rig.numbers(1) == [1])
        #expect(rig.drops("oversize") == 0)
        // More than the buffers hold: longer frames are dropped, and a line says what to do.
        try Administrator.setMTU(9000)
        look(&rig, &now)
        #expect(rig.log.lines.contains { $0.hasPrefix("warning") && $0.contains("9000") && $0.contains("start again") })
      }
    }

    @Test func aFrameTooLongIsCountedAndSaidWithTheMTUThatItNeeds() throws {
      try Namespace.enter {
        var rig = try Rig(transports[0], mtu: 1000)
        var now = MonotonicTime.now
        _ = rig.port.advance(to: now)
        var burst = Burst()
        for _ in 0..<3 {
          burst.append(try rig.buffer(UDPFrame.toKernel([UInt8](repeating: 0, count: 1400))))
          rig.port.transmit(&burst)
          rig.port.notify()
          rig.port.complete(into: &burst)
          burst.releaseAll()
        }
        #expect(rig.drops("oversize") == 3)
        for _ in 0..<3 { look(&rig, &now) }
        let lines = rig.log.lines.filter { $0.contains("dropped") }
        #expect(lines.count == 1 && lines[0].contains("dropped 3 frames longer than the MTU of 1000"))
        #expect(lines.first?.contains("ip link set tap0 mtu 1428") == true)
      }
    }

    @Test func linkDownIsSaidAndLimited() throws {
      try Namespace.enter {
        var rig = try Rig(transports[0])
        var now = MonotonicTime.now
        _ = rig.port.advance(to: now)
        for _ in 0..<5 {
          try Administrator.setUp(false)
          look(&rig, &now)
          try Administrator.setUp(true)
          look(&rig, &now)
        }
        #expect(rig.counter("link-downs") == 5)
        let lines = rig.log.lines.filter { $0.contains("is down") || $0.contains("up again") }
        #expect(lines.count >= 3 && lines.count < 10)
      }
    }

    /// A device that is moved to another namespace goes on, and is not looked at.
    @Test func aDeviceThatIsNotThereIsNotLookedAt() throws {
      try Namespace.enter {
        var rig = try Rig(transports[0])
        var now = MonotonicTime.now
        try Administrator.remove()
        _ = rig.port.advance(to: now)
        look(&rig, &now)
        #expect(rig.port.advance(to: now) == .never)
      }
    }
  }
}
