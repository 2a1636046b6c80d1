import CleanQ
import CleanQTesting
import CleanQNet
import CleanQCapture
import CleanQWire
import Testing
import TestSupport

/// Taps where packets and datagrams pass: records start with headers that were made for them.
@Suite struct PcapPacketTests {
  let folder: Folder
  let log = Log()
  let here = IPv4Address(10, 0, 0, 2)
  let there = IPv4Address(10, 0, 0, 1)

  init() throws { folder = try Folder() }

  /// Writes datagrams of every length up to a limit, in both directions, the odd ones out.
  private func captureDatagrams(to path: String, _ limit: Int, filter: String = "", snaplen: Int = 0) throws {
    let region = try Region(byteCount: 4 << 20)
    var port = try PcapPort<TestDevice<Datagram>>(
      on: TestWire(), region, CaptureOptions(path, filter: filter, snaplen: snaplen), onEvent: log.events)
    var random = SeededGenerator(seed: 1)
    var burst = Burst()
    let arrived = DatagramMetadata(source: there, sourcePort: 40_000, destination: here, destinationPort: 7)
    for count in 0...limit {
      var buffer = try makeBuffer(random.bytes(count), in: region)
      buffer.datagramMetadata = count.isMultiple(of: 2) ? arrived : arrived.reflected
      if count.isMultiple(of: 2) {
        port.lower.put(buffer)
        port.receive(into: &burst)
      } else {
        burst.append(buffer)
        port.transmit(&burst)
        port.complete(into: &burst)
      }
      burst.releaseAll()
    }
  }

  @Test(.enabled(if: has("tshark"), "tshark is not installed"))
  func `datagrams are decoded by tshark, with valid checksums`() throws {
    let path = folder("f.pcap")
    try captureDatagrams(to: path, 99)
    #expect(try Capture(path: path).linkType == 101)
    let fields = [
      "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "udp.length", "ip.checksum.status", "udp.checksum.status",
    ]
    let options = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-r", path, "-T", "fields"]
    let result = try run("tshark", options + fields.flatMap { ["-e", $0] })
    try #require(result.status == 0, "\(result.err)")
    let lines = String(decoding: result.out, as: UTF8.self).split(separator: "\n").map(String.init)
    let wanted = (0...99).map { count in
      let addresses = count.isMultiple(of: 2) ? "10.0.0.1\t40000\t10.0.0.2\t7" : "10.0.0.2\t7\t10.0.0.1\t40000"
      return "\(addresses)\t\(count + 8)\t1\t1"
    }
    #expect(lines == wanted)
  }

  @Test func `a filter sees the headers, and a snaplen cuts after them`() throws {
    let path = folder("f.pcap")
    try captureDatagrams(to: path, 99, filter: "udp dst port 7 and greater 60", snaplen: 30)
    let records = try Capture(path: path).records
    #expect(records.map(\.originalByteCount) == (32...99).filter { $0.isMultiple(of: 2) }.map { $0 + 28 })
    #expect(records.allSatisfy { $0.bytes.count == 30 })
  }

  @Test func `packets stand behind an IPv4 header`() throws {
    let path = folder("f.pcap")
    let region = try Region(byteCount: 1 << 20)
    do {
      var port = try PcapPort<TestDevice<Packet>>(
        on: TestWire(), region, CaptureOptions(path, filter: "icmp"), onEvent: log.events)
      var burst = Burst()
      for `protocol` in [IPProtocol.icmp, .udp] {
        var buffer = try makeBuffer([8, 0, 0xf7, 0xff, 0, 0, 0, 0], in: region)
        buffer.packetMetadata = PacketMetadata(
          source: there, destination: here, protocol: `protocol`, timeToLive: 17)
        burst.append(buffer)
      }
      port.transmit(&burst)
      let report = report(of: port)
      #expect(report.counter("filtered") == 1)
    }
    let records = try Capture(path: path).frames
    #expect(records.count == 1)
    let bytes = try #require(records.first)
    let header = try IPv4Header.parse(bytes.span).get()
    #expect(header.ttl == 17)
    #expect(header.source == there)
    #expect(header.destination == here)
    #expect(header.protocol == .icmp)
    #expect(header.totalByteCount == 28)
    #expect(Array(bytes[20...]) == [8, 0, 0xf7, 0xff, 0, 0, 0, 0])
  }

  @Test func `what cannot be in an IPv4 packet is captured and traps nobody`() throws {
    let path = folder("f.pcap")
    let region = try Region(byteCount: 4 << 20)
    do {
      var port = try PcapPort<TestDevice<Datagram>>(on: TestWire(), region, CaptureOptions(path), onEvent: log.events)
      var burst = Burst()
      burst.append(try makeBuffer([UInt8](repeating: 1, count: 70_000), in: region))
      burst.append(try makeBuffer([UInt8](repeating: 1, count: 300_000), in: region))
      // Without headroom there is no metadata.
      var bare = try makeBuffer([1, 2, 3], in: region)
      let isBare = bare.setValid(offset: 0, byteCount: 3)
      #expect(isBare)
      burst.append(bare)
      port.transmit(&burst)
    }
    let records = try Capture(path: path).records
    #expect(records.map(\.originalByteCount) == [70_028, 300_028, 31])
    #expect(records.map(\.bytes.count) == [70_028, 262_144, 31])
  }
}
