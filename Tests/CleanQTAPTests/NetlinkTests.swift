import CleanQPipeline
import CleanQPlatform
import CleanQTAPStages
import Glibc
import Testing

/// What the kernel answers is read within bounds, and the kernel does what it is asked.
@Suite struct NetlinkMessageTests {
  @Test func thereAndBack() {
    let message = NetlinkMessage(type: 20, sequence: 0x0102_0304, payload: [1, 2, 3, 4])
    #expect(NetlinkMessage.all(in: message.bytes(flags: 5)[...]) == [message])
    let two = message.bytes(flags: 5) + message.bytes(flags: 1)
    #expect(NetlinkMessage.all(in: two[...]) == [message, message])
  }

  /// Each length that a message or attribute can claim, in bytes that end at any place.
  @Test func noLengthReadsOutside() {
    var message = NetlinkMessage(type: 16, sequence: 1, payload: [8, 0, 3, 0, 65, 66, 67, 0]).bytes(flags: 0)
    for length in 0..<256 {
      message[0] = UInt8(length)
      for end in 0...message.count {
        let all = NetlinkMessage.all(in: message[..<end])
        #expect(all.count <= 1)
        for one in all { #expect(one.payload.count <= 8) }
      }
    }
    for length in 0..<65_536 {
      let bytes = [UInt8(length & 255), UInt8(length >> 8), 3, 0, 65, 66, 67, 0]
      let value = NetlinkMessage.attributes(in: bytes[...])[3]
      #expect((value != nil) == (4...8).contains(length))
    }
    #expect(NetlinkMessage(type: 16, payload: [1, 2]).attributes(after: 16).isEmpty)
    #expect([UInt8]()[...].word(at: 0) == 0)
    #expect([UInt8](repeating: 255, count: 3)[...].word(at: 0) == 0xFFFF)
    #expect([UInt8](repeating: 255, count: 4)[...].half(at: -1) == 0)
  }
}

extension WithDevices {
  @Suite struct NetlinkTests {
    @Test func linksAreListed() throws {
      try Namespace.enter {
        let port = try TAP("tap7").open(in: .quiet)
        let link = try #require(NetworkLink.all().first { $0.name == "tap7" })
        // SAFETY: the name outlives the call.
        let index = unsafe if_nametoindex("tap7")
        #expect(link.isTAP && link.isEthernet && link.master == 0 && link.index == index)
        #expect(NetworkLink.all().first { $0.name == "lo" }?.isTAP == false)
        _ = consume port
      }
    }

    @Test func addressesAreAddedOnceAndRemovedAlone() throws {
      try Namespace.enter {
        let port = try TAP("tap0").open(in: .quiet)
        guard var socket = NetlinkSocket() else { throw StageError("netlink", "no socket") }
        // SAFETY: the name outlives the call.
        let index = unsafe if_nametoindex("tap0")
        let first = InterfaceAddress(index: index, address: 0x0A09_0001, prefixLength: 24)
        let second = InterfaceAddress(index: index, address: 0x0A09_0002, prefixLength: 24)
        let host = InterfaceAddress(index: index, address: 0x0A09_0003, prefixLength: 32)
        for address in [first, second, host] { #expect(address.add(by: &socket) == nil) }
        #expect(first.add(by: &socket) == EEXIST)
        #expect(Set(InterfaceAddress.all(of: index, by: &socket)) == [first, second, host])
        #expect(first.remove(by: &socket) == nil)
        #expect(Set(InterfaceAddress.all(of: index, by: &socket)) == [second, host])
        #expect(first.remove(by: &socket) == EADDRNOTAVAIL)
        #expect(InterfaceAddress(index: 9999, address: 1, prefixLength: 8).add(by: &socket) == ENODEV)
        _ = consume port
      }
    }
  }
}
