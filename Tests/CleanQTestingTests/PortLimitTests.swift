// The first page of the documentation of CleanQTesting has this file's code: change both.

import CleanQ
import CleanQTesting
import CleanQWire
import Testing

/// Drops received datagrams that are for a port above a limit.
struct PortLimit<Lower: Port & ~Copyable>: StackedPort, ~Copyable where Lower.Unit == Frame {
  typealias Unit = Frame

  var lower: Lower
  let limit: UInt16
  /// Dropped packets' buffers, which the receive queue has not taken yet.
  private var dropped = Burst()
  private(set) var dropCount: UInt64 = 0

  init(on lower: consuming Lower, limit: UInt16) {
    self.lower = lower
    self.limit = limit
  }

  mutating func receive(into filled: inout Burst) {
    guard dropped.isEmpty || lower.fill(&dropped) == nil else { return }
    let before = filled.count
    lower.receive(into: &filled)
    var selection: UInt32 = 0
    for index in before..<filled.count where isTooHigh(filled[index].bytes) { selection |= 1 << UInt32(index) }
    dropCount += UInt64(selection.nonzeroBitCount)
    filled.move(selection, to: &dropped)
    lower.fill(&dropped)
  }

  private func isTooHigh(_ frame: Span<UInt8>) -> Bool {
    frame.count >= 42 && frame[12] == 8 && frame[13] == 0 && frame[23] == 17 && frame.bigEndian16(at: 36) > limit
  }

  func report(into report: inout PortReport) {
    lower.report(into: &report)
    report.accounts.addInFlight(dropped)
    var own = StageReport("port-limit")
    own.drops = [StageReport.Count("port-too-high", dropCount)]
    report.stages.append(own)
  }
}

@Test func `high ports are dropped, and every buffer is returned`() throws {
  let wire = TestWire()
  let peer = TestStation.peer
  let low = peer.datagram([1, 2, 3], port: 7)
  let ping = peer.ping()
  var bench = try TestBench(PortLimit(on: TestDevice<Frame>(wire), limit: 1023))

  wire.put(low)
  wire.put(peer.datagram([4, 5, 6], port: 5353))
  wire.put(ping)
  #expect(bench.receive() == [low, ping])

  #expect(bench.transmit([7, 8, 9]) == nil)
  #expect(wire.takeTransmitted() == [[7, 8, 9]])

  #expect(bench.port.report().stages.last?.drops == [StageReport.Count("port-too-high", 1)])
  #expect(bench.accountsFault == nil)
  #expect(bench.finish() == nil)
}

@Test func `a device that moves one buffer at a time loses nothing`() throws {
  let wire = TestWire()
  var bench = try TestBench(PortLimit(on: TestDevice<Frame>(wire), limit: 1023))
  wire.share = { _ in 1 }
  for port in 1000..<1100 { wire.put(TestStation.peer.datagram([0], port: UInt16(port))) }
  #expect(bench.receive().count == 24)
  #expect(bench.finish() == nil)
}
