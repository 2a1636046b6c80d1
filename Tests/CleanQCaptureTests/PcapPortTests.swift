import CleanQ
import CleanQTesting
import CleanQCapture
import Glibc
import Testing
import TestSupport

@Suite struct PcapPortTests {
  let folder: Folder
  let log = Log()

  init() throws { folder = try Folder() }

  /// Two frames up, one down, one up: the file has them in that order.
  @Test func `both directions are written in the order in which they pass`() throws {
    let region = try Region(byteCount: 1 << 20)
    let path = folder("f.pcap")
    do {
      var port = try PcapPort<TestDevice<Frame>>(on: TestWire(), region, CaptureOptions(path), onEvent: log.events)
      var up = Burst()
      var down = Burst()
      port.lower.put(try makeBuffer([1], in: region))
      port.lower.put(try makeBuffer([2], in: region))
      port.receive(into: &up)
      down.append(try makeBuffer([3], in: region))
      port.transmit(&down)
      port.lower.put(try makeBuffer([4], in: region))
      // What is in the burst already was captured when it came.
      port.receive(into: &up)
      let received = up.count
      #expect(received == 3)
      let report = report(of: port)
      #expect(report.received.packets == 3)
      #expect(report.transmitted.packets == 1)
      #expect(report.counter("captured") == 4)
      #expect(report.counter("bytes-written") == 24 + 4 * 17)
    }
    #expect(try Capture(path: path).frames == [[1], [2], [3], [4]])
  }

  /// A port below that takes any number of any burst, at random; the caller offers the rest again, behind it new frames.
  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64], ["", "less 20"])
  func `each frame is written once, when it is taken, in the order of taking`(seed: UInt64, filter: String) throws {
    var random = SeededGenerator(seed: seed)
    let region = try Region(byteCount: 4 << 20)
    let path = folder("f.pcap")
    var taken: [[UInt8]] = []
    let wire = TestWire()
    do {
      var port = try PcapPort<TestDevice<Frame>>(
        on: wire, region, CaptureOptions(path, filter: filter), onEvent: log.events)
      var down = Burst()
      var sent = Burst()
      for _ in 0..<300 {
        while down.room > 0, Bool.random(using: &random) || down.isEmpty {
          let frame = random.bytes(Int.random(in: 1...40, using: &random))
          down.append(try makeBuffer(frame, in: region))
        }
        // Now and then the caller gives up on what was refused, and offers something else.
        if Int.random(in: 0..<10, using: &random) == 0 { down.releaseAll() }
        let limit = Int.random(in: 0...33, using: &random)
        wire.share = { _ in limit }
        port.transmit(&down)
        wire.share = nil
        port.complete(into: &sent)
        sent.releaseAll()
      }
      taken = wire.transmitted
      let report = report(of: port)
      #expect(report.transmitted.packets == UInt64(taken.count), "seed \(seed)")
      #expect(report.transmitted.bytes == UInt64(taken.reduce(0) { $0 + $1.count }), "seed \(seed)")
      #expect(report.counter("captured", plus: "filtered") == UInt64(taken.count), "seed \(seed)")
    }
    let wanted = filter.isEmpty ? taken : taken.filter { $0.count <= 20 }
    #expect(try Capture(path: path).frames == wanted, "seed \(seed)")
    let leakedBuffers = region.leakedBufferCount
    let live = region.liveBufferCount
    #expect(leakedBuffers + live <= 32, "seed \(seed)")
  }

  @Test func `a packet in several buffers is one record`() throws {
    let region = try Region(byteCount: 1 << 20)
    let path = folder("f.pcap")
    do {
      var port = try PcapPort<TestDevice<Frame>>(
        on: TestWire(), region, CaptureOptions(path, filter: "greater 4", snaplen: 5), onEvent: log.events)
      var up = Burst()
      var down = Burst()
      // The first two arrive in one burst, the last in another, and a packet goes down in between.
      port.lower.put(try makeBuffer([1, 2], in: region, flags: []))
      port.lower.put(try makeBuffer([3, 4], in: region, flags: []))
      port.receive(into: &up)
      for bytes in [[11, 12], [13, 14]] as [[UInt8]] { down.append(try makeBuffer(bytes, in: region, flags: [])) }
      down.append(try makeBuffer([15], in: region))
      down.append(try makeBuffer([16, 17], in: region))
      down.append(try makeBuffer([], in: region, flags: []))
      down.append(try makeBuffer([18, 19, 20, 21], in: region))
      port.transmit(&down)
      port.lower.put(try makeBuffer([5, 6, 7], in: region))
      port.receive(into: &up)
      let report = report(of: port)
      #expect(report.counter("captured") == 3)
      #expect(report.counter("filtered") == 1)
      #expect(report.transmitted.packets == 6)
    }
    let records = try Capture(path: path).records
    #expect(records.map(\.bytes) == [[11, 12, 13, 14, 15], [18, 19, 20, 21], [1, 2, 3, 4, 5]])
    #expect(records.map(\.originalByteCount) == [5, 4, 7])
  }

  @Test func `a count ends the pipeline at exactly so many`() throws {
    let region = try Region(byteCount: 1 << 20)
    let path = folder("f.pcap")
    do {
      var port = try PcapPort<TestDevice<Frame>>(
        on: TestWire(), region, CaptureOptions(path, filter: "greater 2", count: 5), onEvent: log.events)
      var burst = Burst()
      for index in 0..<4 as Range<UInt8> {
        burst.append(try makeBuffer([index], in: region))
        burst.append(try makeBuffer([index, 1], in: region))
      }
      let before = port.isExhausted
      port.transmit(&burst)
      let between = port.isExhausted
      for index in 4..<8 as Range<UInt8> { port.lower.put(try makeBuffer([index, 2], in: region)) }
      port.receive(into: &burst)
      // The end is when the records are in the file, which a thread of its own sees to.
      var after = port.isExhausted
      for _ in 0..<5000 where !after {
        usleep(1000)
        after = port.isExhausted
      }
      #expect([before, between, after] == [false, false, true])
      let report = report(of: port)
      #expect(report.counter("captured") == 5)
      #expect(report.received.packets == 4, "traffic goes on")
    }
    #expect(try Capture(path: path).frames == [[0, 1], [1, 1], [2, 1], [3, 1], [4, 2]])
  }

  @Test func `the rest is in the file when the pipeline sleeps, drains or ends`() throws {
    let region = try Region(byteCount: 1 << 20)
    let path = folder("f.pcap")
    var port = try PcapPort<TestDevice<Frame>>(on: TestWire(), region, CaptureOptions(path), onEvent: log.events)
    var burst = Burst()
    func pass(_ byte: UInt8) throws {
      burst.append(try makeBuffer([byte], in: region))
      port.transmit(&burst)
      port.complete(into: &burst)
      burst.releaseAll()
    }
    func count() throws -> Int { try Capture(path: path).records.count }
    try pass(1)
    #expect(try count() == 0)
    let isArmed = port.arm()
    #expect(isArmed)
    #expect(try eventually { try count() == 1 })
    try pass(2)
    #expect(try count() == 1)
    port.quiesce()
    #expect(try eventually { try count() == 2 })
    try pass(3)
    #expect(try eventually { try count() == 3 })
  }

  @Test func `a filter that does not compile touches no file`() throws {
    let path = folder("f.pcap")
    try write([1, 2, 3], to: path)
    let error = #expect(throws: (any Error).self) {
      _ = try PcapPort(TestDevice<Frame>(), CaptureOptions(path, filter: "udp prot 7"), onEvent: log.events)
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("the filter does not compile"))
    #expect(try Capture(path: path).magic == 0)
    #expect(try [UInt8](contentsOf: path) == [1, 2, 3])
  }
}

extension StageReport {
  /// The sum of two counters.
  func counter(_ name: String, plus other: String) -> UInt64 { (counter(name) ?? 0) + (counter(other) ?? 0) }
}
