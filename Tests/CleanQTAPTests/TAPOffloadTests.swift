import CleanQ
import CleanQPipeline
import Testing
import TestSupport

@testable import CleanQTAP

extension UDPFrame {
  /// A frame to the kernel that must not be fragmented, with both checksums right.
  static func whole(
    _ payload: [UInt8], from port: UInt16 = 7, timeToLive: UInt8 = 64, identification: UInt16? = nil
  ) -> [UInt8] {
    var frame = toKernel(payload)
    if let identification { frame.replaceSubrange(18..<20, with: big(identification)) }
    frame[20] = 0x40
    frame[22] = timeToLive
    frame.replaceSubrange(34..<36, with: big(port))
    frame.replaceSubrange(24..<26, with: [0, 0])
    frame.replaceSubrange(24..<26, with: big(checksum(frame[14..<34])))
    let length = frame[38..<40]
    frame.replaceSubrange(40..<42, with: big(checksum(frame[26..<34] + [0, 17] + length + frame[34...])))
    return frame
  }

  /// RFC 1071, byte by byte.
  private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt16 {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += index % 2 == 0 ? UInt32(byte) << 8 : UInt32(byte) }
    while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
    return ~UInt16(sum)
  }
}

extension WithDevices {
  /// Datagrams of a flow go to the kernel as one frame: what its sockets get must not show it.
  @Suite struct TAPOffloadTests {
    /// Sends the frames at one go; what the kernel's socket gets of them, and how many went joined.
    private func exchange(_ io: TAPConfiguration.IO, _ frames: [[UInt8]], wanted: Int) throws -> (
      got: [[UInt8]], joined: UInt64
    ) {
      try Namespace.enter {
        var rig = try Rig(io, offload: true)
        var burst = Burst()
        var offsets: [Int] = []
        for frame in frames {
          let buffer = try rig.buffer(frame)
          offsets.append(buffer.offset)
          burst.append(buffer)
          if burst.room == 0 { #expect(rig.port.transmit(&burst) == nil) }
        }
        #expect(rig.port.transmit(&burst) == nil)
        rig.port.notify()
        var got: [[UInt8]] = []
        while got.count < wanted, let datagram = rig.socket.receive() { got.append(datagram) }
        var back: [Int] = []
        while back.count < frames.count {
          rig.port.complete(into: &burst)
          if burst.isEmpty { break }
          while let buffer = burst.popFirst() { back.append(buffer.offset) }
        }
        #expect(back == offsets)
        #expect(rig.report.drops.isEmpty)
        #expect(rig.report.transmitted.packets == UInt64(frames.count))
        return (got, rig.counter("joined"))
      }
    }

    @Test(arguments: transports) func aFlowIsJoinedAndArrivesAsItWas(io: TAPConfiguration.IO) throws {
      for byteCount in [8, 9, 64, 1472] {
        let payloads = (0..<200).map { UDPFrame.number($0, count: byteCount) }
        let (got, joined) = try exchange(io, payloads.map { UDPFrame.whole($0) }, wanted: 200)
        #expect(got == payloads)
        #expect(joined >= 190)
      }
    }

    @Test(arguments: transports, seeds(3)) func lengthsAndFlowsOfAllKindsStayInOrder(
      io: TAPConfiguration.IO, seed: UInt64
    ) throws {
      var random = SeededGenerator(seed: seed)
      var payloads: [[UInt8]] = []
      var frames: [[UInt8]] = []
      while frames.count < 220 {
        let count = [8, 8, 40, 41, 700].randomElement(using: &random) ?? 8
        let port: UInt16 = [7, 7, 7, 8].randomElement(using: &random) ?? 7
        for _ in 0..<Int.random(in: 1...9, using: &random) {
          payloads.append(UDPFrame.number(payloads.count, count: count))
          frames.append(UDPFrame.whole(payloads[payloads.count - 1], from: port))
        }
      }
      payloads.removeLast(payloads.count - 220)
      let (got, joined) = try exchange(io, Array(frames[..<220]), wanted: 220)
      #expect(got == payloads)
      #expect(joined > 50)
    }

    @Test(arguments: transports) func whatTheKernelWouldRepairIsNotJoined(io: TAPConfiguration.IO) throws {
      let right = (0..<6).map { UDPFrame.whole(UDPFrame.number($0, count: 64)) }
      // A wrong payload, a wrong header checksum: to be dropped by the kernel. No checksum, other life time: to arrive alone.
      var frames = right
      frames[1][50] ^= 1
      frames[2][24] ^= 1
      frames[3][40] = 0
      frames[3][41] = 0
      frames[4] = UDPFrame.whole(UDPFrame.number(4, count: 64), timeToLive: 63)
      let (got, joined) = try exchange(io, frames, wanted: 4)
      #expect(got == [0, 3, 4, 5].map { UDPFrame.number($0, count: 64) })
      #expect(joined == 0)
    }

    @Test(arguments: transports) func onlyIdentificationsThatTheKernelWouldGiveAreJoined(io: TAPConfiguration.IO) throws
    {
      let payloads = (0..<6).map { UDPFrame.number($0, count: 64) }
      for (identifications, wanted) in [
        ([1, 2, 3, 4, 5, 6], 6), ([65_533, 65_534, 65_535, 0, 1, 2], 6), ([0, 0, 0, 0, 0, 0], 6),
        ([5, 5, 5, 5, 5, 5], 0),
        ([1, 2, 4, 5, 0, 0], 6), ([6, 5, 4, 3, 2, 1], 0),
      ] as [([UInt16], UInt64)] {
        let frames = zip(payloads, identifications).map { UDPFrame.whole($0, identification: $1) }
        let (got, joined) = try exchange(io, frames, wanted: 6)
        #expect(got == payloads)
        #expect(joined == wanted, "\(identifications)")
      }
    }

    @Test(arguments: transports) func fragmentsAndPaddingAreNotJoined(io: TAPConfiguration.IO) throws {
      let whole = UDPFrame.whole(UDPFrame.number(1))
      var fragmentable = UDPFrame.toKernel(UDPFrame.number(1))
      fragmentable.replaceSubrange(40..<42, with: whole[40..<42])
      let padded = whole + [0, 0, 0, 0]
      for frame in [fragmentable, padded] {
        let (got, joined) = try exchange(io, [frame, frame, frame], wanted: 3)
        #expect(got == Array(repeating: UDPFrame.number(1), count: 3))
        #expect(joined == 0)
      }
    }
  }
}
