import CleanQ
import CleanQPipeline
import Glibc
import Testing
import TestSupport

@testable import CleanQTAP

extension WithDevices {
  @Suite struct TAPFailureTests {
    @Test(arguments: transports)
    func linkDownDropsAndComesBack(io: TAPConfiguration.IO) throws {
      try Namespace.enter {
        var rig = try Rig(io)
        try Administrator.setUp(false)
        var burst = Burst()
        burst.append(try rig.buffer(UDPFrame.toKernel(UDPFrame.number(1))))
        rig.port.transmit(&burst)
        rig.port.notify()
        rig.port.complete(into: &burst)
        #expect(burst.count == 1)
        #expect(rig.drops("link-down") == 1)
        check(!rig.port.isExhausted)
        try Administrator.setUp(true)
        rig.port.transmit(&burst)
        rig.port.notify()
        #expect(rig.socket.receive() == UDPFrame.number(1))
        rig.socket.broadcast(UDPFrame.number(2))
        #expect(rig.numbers(1) == [2])
      }
    }

    @Test(arguments: transports)
    func removedDeviceEndsThePort(io: TAPConfiguration.IO) throws {
      try Namespace.enter {
        var rig = try Rig(io)
        var files: [Int32] = []
        files += rig.port.capabilities.wakeFileDescriptors
        while !rig.port.arm() { rig.receive(while: { false }) { _ in } }
        try Administrator.remove()
        var wake = pollfd(fd: files[0], events: Int16(POLLIN), revents: 0)
        // SAFETY: one local variable.
        #expect(unsafe poll(&wake, 1, 2000) == 1)
        rig.port.disarm()
        var burst = Burst()
        rig.port.receive(into: &burst)
        rig.port.notify()
        rig.port.notify()
        while !rig.port.isExhausted, rig.report.received.packets < 100 { rig.port.receive(into: &burst) }
        check(rig.port.isExhausted)
        #expect(rig.log.lines.filter { $0.contains("removed") }.count == 1)
        // Nothing wakes a port that has ended.
        check(rig.port.arm())
        // SAFETY: as above.
        #expect(unsafe poll(&wake, 1, 0) == 0)
        rig.port.disarm()
        let calls = rig.report.counters.first { $0.name == "io-enters" }
        rig.port.notify()
        #expect(rig.report.counters.first { $0.name == "io-enters" } == calls)
        burst.releaseAll()
        burst.append(try rig.buffer(UDPFrame.toKernel(UDPFrame.number(1))))
        rig.port.transmit(&burst)
        rig.port.notify()
        rig.port.complete(into: &burst)
        #expect(burst.count == 1)
        #expect(rig.drops("device-gone") == 1)
      }
    }

    @Test(arguments: transports)
    func withoutBuffersFramesWaitAndNothingSpins(io: TAPConfiguration.IO) throws {
      try Namespace.enter {
        var rig = try Rig(io, buffers: 0)
        rig.socket.broadcast(UDPFrame.number(1))
        var files: [Int32] = []
        files += rig.port.capabilities.wakeFileDescriptors
        check(rig.port.arm())
        var wake = pollfd(fd: files[0], events: Int16(POLLIN), revents: 0)
        // SAFETY: one local variable.
        #expect(unsafe poll(&wake, 1, 20) == 0)
        rig.port.disarm()
        var burst = Burst()
        for _ in 0..<16 { burst.append(try rig.buffer([])) }
        rig.port.fill(&burst)
        check(rig.port.arm())
        #expect(unsafe poll(&wake, 1, 2000) == 1)
        rig.port.disarm()
        #expect(rig.numbers(1) == [1])
      }
    }
  }
}
