import CleanQ
import CleanQPipeline
import Glibc
import Testing
import TestSupport

@testable import CleanQTAP

extension WithDevices {
  @Suite struct TAPTrafficTests {
    @Test(arguments: transports, [false, true])
    func receivesInOrder(io: TAPConfiguration.IO, offload: Bool) throws {
      try Namespace.enter {
        var rig = try Rig(io, offload: offload)
        for round in 0..<20 {
          let wanted = Array(round * 300..<round * 300 + 300)
          for number in wanted { #expect(rig.socket.broadcast(UDPFrame.number(number, count: 8 + number % 1400))) }
          #expect(rig.numbers(300) == wanted)
        }
        #expect(rig.report.drops.isEmpty)
        #expect(rig.report.received.packets >= 6000)
      }
    }

    @Test(arguments: transports, [false, true])
    func transmitsInOrderAndGivesBackInOrder(io: TAPConfiguration.IO, offload: Bool) throws {
      try Namespace.enter {
        var rig = try Rig(io, offload: offload)
        var burst = Burst()
        var offsets: [Int] = []
        for number in 0..<200 {
          let buffer = try rig.buffer(UDPFrame.toKernel(UDPFrame.number(number, count: 8 + 7 * number)))
          offsets.append(buffer.offset)
          burst.append(buffer)
          if burst.room == 0 { #expect(rig.port.transmit(&burst) == nil) }
        }
        #expect(rig.port.transmit(&burst) == nil)
        check(!rig.port.arm(), "frames wait to be written")
        rig.port.notify()
        for number in 0..<200 { #expect(rig.socket.receive() == UDPFrame.number(number, count: 8 + 7 * number)) }
        var back: [Int] = []
        while back.count < 200 {
          rig.port.complete(into: &burst)
          if burst.isEmpty { break }
          while let buffer = burst.popFirst() { back.append(buffer.offset) }
        }
        #expect(back == offsets)
        #expect(rig.report.transmitted.packets == 200)
      }
    }

    @Test(arguments: transports, [false, true])
    func runsOfBuffersAreOneFrame(io: TAPConfiguration.IO, offload: Bool) throws {
      try Namespace.enter {
        var rig = try Rig(io, offload: offload)
        let frame = UDPFrame.toKernel(UDPFrame.number(77, count: 900))
        var burst = Burst()
        for (range, isLast) in [(0..<14, false), (14..<42, false), (42..<942, true)] {
          var buffer = try rig.buffer(Array(frame[range]))
          buffer.flags = isLast ? .last : []
          burst.append(buffer)
        }
        var half = try rig.buffer(Array(frame[..<20]))
        half.flags = []
        burst.append(half)
        #expect(rig.port.transmit(&burst) == .incompleteChain)
        #expect(burst.count == 1)
        rig.port.notify()
        #expect(rig.socket.receive() == UDPFrame.number(77, count: 900))
        burst.releaseAll()
        rig.port.complete(into: &burst)
        #expect(burst.count == 3)
        #expect(rig.report.transmitted.packets == 1)
      }
    }

    @Test(arguments: transports, [false, true])
    func strangeBuffersAreRefusedAndStay(io: TAPConfiguration.IO, offload: Bool) throws {
      try Namespace.enter {
        var rig = try Rig(io, offload: offload)
        let foreign = try Region(byteCount: 8192)
        var burst = Burst()
        for region in [true, false] {
          let buffer = region ? rig.region.buffer(byteCount: 2048) : foreign.buffer(byteCount: 2048)
          if let buffer { burst.append(buffer) }
        }
        #expect(rig.port.fill(&burst) == .unknownRegion)
        #expect(burst.count == 1)
        #expect(rig.port.transmit(&burst) == .unknownRegion)
        #expect(burst.count == 1)
        check(burst[0].region == foreign.id)
      }
    }

    @Test(arguments: transports, [false, true])
    func framesThatDoNotFit(io: TAPConfiguration.IO, offload: Bool) throws {
      try Namespace.enter {
        var rig = try Rig(io, buffers: 4, byteCount: 256, offload: offload)
        rig.socket.broadcast(UDPFrame.number(1, count: 1000))
        rig.socket.broadcast(UDPFrame.number(2, count: 8))
        #expect(rig.numbers(1) == [2])
        #expect(rig.drops("truncated") >= 1)
        var burst = Burst()
        burst.append(try rig.buffer(UDPFrame.toKernel(UDPFrame.number(1, count: 1600)), byteCount: 2048))
        burst.append(try rig.buffer(UDPFrame.toKernel(UDPFrame.number(2)), byteCount: 2048))
        burst.append(try rig.buffer([1, 2, 3], byteCount: 2048))
        rig.port.transmit(&burst)
        rig.port.notify()
        #expect(rig.socket.receive() == UDPFrame.number(2))
        rig.port.complete(into: &burst)
        #expect(burst.count == 3)
        #expect(rig.drops("oversize") == 1)
        #expect(rig.drops("invalid") == 1)
      }
    }

    @Test(arguments: transports, [false, true])
    func accountsAndEnd(io: TAPConfiguration.IO, offload: Bool) throws {
      try Namespace.enter {
        let region: Region
        do {
          var rig = try Rig(io, offload: offload)
          #expect(rig.port.accounts().inFlightBufferCount == 256)
          #expect(rig.port.accounts().atPeerBufferCount == 0)
          check(rig.port.accounts().ownedByteCount == rig.region.byteCount - 256 * 2048)
          do throws(QueueError) {
            try rig.port.deregister(rig.region)
            Issue.record("deregistered a region that is in use")
          } catch {
            #expect(error.code == .elsewhere(byteCount: 256 * 2048))
          }
          for number in 0..<10 { rig.socket.broadcast(UDPFrame.number(number)) }
          rig.port.notify()
          rig.port.quiesce()
          for number in 10..<20 { rig.socket.broadcast(UDPFrame.number(number)) }
          // Frames of the kernel's own may have come first; what was read before is given, nothing later.
          var numbers: [Int] = []
          var burst = Burst()
          while !rig.port.isExhausted {
            rig.port.receive(into: &burst)
            for index in 0..<burst.count {
              if let payload = UDPFrame.payload(burst[index]) { numbers.append(UDPFrame.number(in: payload)) }
            }
            burst.releaseAll()
            rig.port.notify()
          }
          #expect(numbers == Array(0..<numbers.count) && numbers.count <= 10)
          check(rig.port.isExhausted)
          check(rig.port.arm())
          rig.port.disarm()
          region = rig.region
        }
        #expect(region.liveBufferCount == 0)
        #expect(region.leakedBufferCount == 0)
      }
    }
  }
}
