import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

@Suite("ARP between the instances of a pipeline") struct SharedNeighborCacheTests {
  private let answer = Frames.answer(from: Frames.peerMAC, Frames.peer)

  @Test("the answer that another copy hears lets the packets go that wait in the one that asked")
  func heardByAnother() throws {
    let sharedNeighbors = SharedNeighborCache()
    var asking = try IPHost(in: sharedNeighbors)
    var hearing = try IPHost(in: sharedNeighbors)
    for index in 1...3 { try asking.transmit(Frames.udp([UInt8(index)])) }
    #expect(asking.frames().count == 1, "the question")
    try hearing.receive(answer)
    #expect(hearing.drops(.arpUnsolicited) == 0 && hearing.engine.counters.arpRepliesReceived == 1)
    #expect(hearing.engine.cache.usedCount == 0, "a copy that has nothing to send there need not know")
    // At its next turn, without a tick of the clock.
    try asking.receive(Frames.answer(from: MACAddress(0x52, 0x54, 0, 0, 0, 9), IPv4Address(10, 0, 0, 9)))
    let frames = asking.frames()
    #expect(frames.map { $0.last ?? 0 } == [1, 2, 3])
    #expect(frames.allSatisfy { $0.prefix(6) == Frames.bytes(Frames.peerMAC)[...] })
  }

  @Test("the next tick of the clock finds the answer too")
  func foundByTheClock() throws {
    let sharedNeighbors = SharedNeighborCache()
    var asking = try IPHost(in: sharedNeighbors)
    var hearing = try IPHost(in: sharedNeighbors)
    try asking.transmit()
    _ = asking.frames()
    try hearing.receive(answer)
    asking.advance(milliseconds: 50)
    #expect(asking.frames().count == 1 && asking.returnedCount() == 1)
  }

  @Test("what no copy asked for is not believed; an answer to an earlier question is none to the next")
  func notBelieved() throws {
    let sharedNeighbors = SharedNeighborCache()
    var asking = try IPHost(in: sharedNeighbors)
    var hearing = try IPHost(in: sharedNeighbors)
    try hearing.receive(answer)
    #expect(hearing.drops(.arpUnsolicited) == 1)
    try asking.transmit()
    _ = asking.frames()
    asking.advance(milliseconds: 50)
    #expect(asking.frames().isEmpty, "the answer came before the question")
    try hearing.receive(answer)
    sharedNeighbors.ask(Frames.peer)
    asking.advance(milliseconds: 50)
    #expect(asking.frames().isEmpty, "another copy has asked anew: its answer counts")
    try hearing.receive(answer)
    asking.advance(milliseconds: 50)
    #expect(asking.frames().count == 1)
  }

  @Test("it remembers a bounded number of addresses")
  func bounded() {
    let sharedNeighbors = SharedNeighborCache()
    for number in 0..<UInt32(3 * SharedNeighborCache.maximumCount) {
      sharedNeighbors.ask(IPv4Address(rawValue: 0x0A00_0000 | number))
    }
    let last = IPv4Address(rawValue: 0x0A00_0000 | UInt32(3 * SharedNeighborCache.maximumCount - 1))
    #expect(!sharedNeighbors.answer(IPv4Address(10, 0, 0, 0), Frames.peerMAC), "forgotten")
    #expect(sharedNeighbors.answer(last, Frames.peerMAC) && sharedNeighbors.answer(about: last) == Frames.peerMAC)
  }
}
