import CleanQ
import CleanQTesting
import CleanQCapture
import Testing
import TestSupport

@Suite struct PcapFilterTests {
  static let expressions = [
    "", "udp port 7", "arp", "ip6", "udp and src net 192.168.0.0/16", "greater 100", "less 60", "not ip",
    "ether host 02:00:00:00:00:01", "udp[8:2] > 0x8000", "ip[6:2] & 0x1fff = 0 and udp dst port 53", "vlan or arp",
  ]

  @Test(.enabled(if: has("tcpdump"), "tcpdump is not installed"), arguments: expressions, [1, 2] as [UInt64])
  func `a tap keeps what tcpdump keeps`(expression: String, seed: UInt64) throws {
    let folder = try Folder()
    let log = Log()
    var random = SeededGenerator(seed: seed)
    let frames = mixedFrames(300, &random)
    try write(captureFile(frames), to: folder("all.pcap"))
    let theirs = try run("tcpdump", ["-r", folder("all.pcap"), "-w", "-"] + (expression.isEmpty ? [] : [expression]))
    try #require(theirs.status == 0, "\(theirs.err)")
    let region = try Region(byteCount: 1 << 20)
    do {
      // Half of the frames are received, half are sent; a snaplen shorter than what the filter looks at changes nothing.
      var port = try PcapPort<TestDevice<Frame>>(
        on: TestWire(), region, CaptureOptions(folder("ours.pcap"), filter: expression, snaplen: 20),
        onEvent: log.events
      )
      var burst = Burst()
      for (index, frame) in frames.enumerated() {
        if index.isMultiple(of: 2) {
          burst.append(try makeBuffer(frame, in: region))
          port.transmit(&burst)
          port.complete(into: &burst)
        } else {
          port.lower.put(try makeBuffer(frame, in: region))
          port.receive(into: &burst)
        }
        burst.releaseAll()
      }
    }
    let kept = try Capture(path: folder("ours.pcap"))
    let wanted = Capture(theirs.out)
    #expect(kept.frames == wanted.frames.map { Array($0.prefix(20)) }, "seed \(seed)")
    #expect(kept.records.map(\.originalByteCount) == wanted.records.map(\.originalByteCount), "seed \(seed)")
    #expect(log.lines.isEmpty)
  }

  @Test(arguments: ["udp prot 7", "port 70000", "host", "(", "ether host 1"])
  func `what does not compile is said in libpcap's words`(expression: String) {
    let diagnostic = PcapFilter.diagnostic(about: expression)
    #expect(diagnostic?.hasPrefix("the filter does not compile: ") == true, "\(diagnostic ?? "it compiled")")
    #expect(diagnostic?.contains("\n") == false)
  }

  @Test func `a zero byte does not cut an expression short`() {
    #expect(PcapFilter.diagnostic(about: "udp\0port 7")?.contains("zero byte") == true)
  }

  @Test func `what compiles for one kind of traffic only is found out when that is known`() {
    #expect(PcapFilter.diagnostic(about: "ether host 02:00:00:00:00:01") == nil)
    #expect(throws: PcapFilter.Failure.self) {
      _ = try PcapFilter("ether host 02:00:00:00:00:01", linkType: .raw)
    }
  }

  @Test func `an empty frame is judged without a trap`() throws {
    let none: [UInt8] = []
    let udp = try PcapFilter("udp", linkType: .ethernet)
    let all = try PcapFilter("  ", linkType: .ethernet)
    let verdicts = [udp.matches(none.span), all.matches(none.span)]
    #expect(verdicts == [false, true])
  }
}
