import CleanQ
import CleanQCapture
import CleanQPipeline
import Foundation
import Testing
import TestSupport

/// Reads a source to its end, one burst at a time, with a bound on the turns.
///
/// - Returns: the frames, the report, whether the source ended, and its accounts with all buffers outside.
func readAll(
  _ source: consuming PcapSource, bufferByteCount: Int = 2048, maximumTurns: Int = 10_000
) throws -> (frames: [[UInt8]], report: StageReport, ended: Bool) {
  let region = try Region(byteCount: 64 * bufferByteCount)
  try source.register(region)
  var frames: [[UInt8]] = []
  var burst = Burst()
  for _ in 0..<40 {
    guard var buffer = region.buffer(byteCount: bufferByteCount) else { throw NoBuffer() }
    buffer.reset()
    burst.append(buffer)
    if burst.room == 0 { source.fill(&burst) }
  }
  source.fill(&burst)
  var turns = 0
  while !source.isExhausted, turns < maximumTurns {
    turns += 1
    source.receive(into: &burst)
    for index in 0..<burst.count { frames.append(array(burst[index])) }
    let accounts = source.accounts()
    let held = burst.count
    #expect(accounts.inFlightBufferCount + held == 40)
    #expect(accounts.inFlightByteCount + held * bufferByteCount == 40 * bufferByteCount)
    #expect(source.fill(&burst) == nil)
  }
  let ended = source.isExhausted
  return (frames, report(of: source), ended)
}

@Suite struct PcapSourceTests {
  let folder: Folder
  let log = Log()

  init() throws { folder = try Folder() }

  @Test(arguments: [0xa1b2_c3d4, 0xa1b2_3c4d] as [UInt32], [false, true])
  func `every frame comes, from either byte order and precision`(magic: UInt32, bigEndian: Bool) throws {
    var random = SeededGenerator(seed: 1)
    let frames = mixedFrames(1000, &random)
    try write(captureFile(frames, magic: magic, bigEndian: bigEndian), to: folder("in.pcap"))
    let result = try readAll(PcapSource(folder("in.pcap"), onEvent: log.events))
    #expect(result.frames == frames)
    #expect(result.ended)
    #expect(result.report.received.packets == 1000)
    #expect(result.report.received.bytes == UInt64(frames.reduce(0) { $0 + $1.count }))
    #expect(log.lines.isEmpty)
  }

  @Test(.enabled(if: has("editcap"), "editcap is not installed"))
  func `pcapng is read too`() throws {
    var random = SeededGenerator(seed: 2)
    let frames = mixedFrames(200, &random)
    try write(captureFile(frames), to: folder("in.pcap"))
    let made = try run("editcap", ["-F", "pcapng", folder("in.pcap"), folder("in.pcapng")])
    try #require(made.status == 0, "\(made.err)")
    #expect(try readAll(PcapSource(folder("in.pcapng"), onEvent: log.events)).frames == frames)
  }

  @Test func `what a tap wrote is read back`() throws {
    var random = SeededGenerator(seed: 3)
    let frames = mixedFrames(500, &random)
    do {
      var writer = try PcapWriter(folder("f.pcap"), linkType: .ethernet, precision: .nano, onEvent: log.events)
      for frame in frames { writer.write(frame.span, at: .now) }
    }
    #expect(try readAll(PcapSource(folder("f.pcap"), onEvent: log.events)).frames == frames)
  }

  @Test func `a filter and a count choose`() throws {
    let frames = (0..<20).map { udpFrame(to: $0.isMultiple(of: 2) ? 7 : 9, payload: [UInt8($0)]) }
    try write(captureFile(frames), to: folder("in.pcap"))
    let result = try readAll(PcapSource(folder("in.pcap"), filter: "udp port 9", count: 3, onEvent: log.events))
    #expect(result.frames == [frames[1], frames[3], frames[5]])
    #expect(result.report.counter("filtered") == 3)
  }

  @Test func `frames that fit no buffer are dropped as oversize, empty ones as empty`() throws {
    let frames = [1, 4000, 1998, 1999, 0, 2].map { [UInt8](repeating: 9, count: $0) }
    try write(captureFile(frames), to: folder("in.pcap"))
    let result = try readAll(PcapSource(folder("in.pcap"), onEvent: log.events))
    #expect(result.frames.map(\.count) == [1, 1998, 2])
    #expect(result.report.drop("oversize") == 2)
    #expect(result.report.drop("empty") == 1)
  }

  @Test func `what is sent to a capture comes back and is counted as read-only`() throws {
    try write(captureFile([[1, 2, 3]]), to: folder("in.pcap"))
    let region = try Region(byteCount: 1 << 20)
    let stranger = try Region(byteCount: 1 << 16)
    var source = try PcapSource(folder("in.pcap"), onEvent: log.events)
    try source.register(region)
    var burst = Burst()
    for _ in 0..<32 { burst.append(try makeBuffer([1, 2], in: region)) }
    let taken = source.transmit(&burst)
    #expect(taken == nil)
    burst.append(try makeBuffer([1], in: stranger))
    let unknown = source.transmit(&burst)
    #expect(unknown == .unknownRegion)
    burst.releaseAll()
    let held = source.accounts()
    #expect(held.inFlightBufferCount == 32)
    #expect(held.registeredByteCount == 1 << 20)
    #expect(held.inFlightByteCount == region.liveByteCount)
    let early = #expect(throws: QueueError.self) { try source.deregister(region) }
    #expect(early?.code == .elsewhere(byteCount: held.inFlightByteCount))
    source.complete(into: &burst)
    let completed = burst.count
    #expect(completed == 32)
    burst.releaseAll()
    let report = report(of: source)
    #expect(report.drop("read-only") == 32)
    #expect(report.transmitted.bytes == 64)
    try source.deregister(region)
    let leakedBuffers = region.leakedBufferCount
    #expect(leakedBuffers == 0)
  }

  @Test func `a pipe is read as its writer writes`() throws {
    let path = folder("fifo")
    try #require(try run("mkfifo", [path]).status == 0)
    // SAFETY: the path outlives the call. Open for both, so that neither end waits for the other.
    let file = unsafe open(path, O_RDWR)
    defer { close(file) }
    let bytes = captureFile([[1, 2, 3], [4, 5]])
    #expect(unsafe write(file, bytes, 24) == 24)
    let region = try Region(byteCount: 1 << 16)
    var source = try PcapSource(path, onEvent: log.events)
    try source.register(region)
    var burst = Burst()
    for _ in 0..<4 { burst.append(try makeBuffer([UInt8](repeating: 0, count: 100), in: region)) }
    source.fill(&burst)
    source.receive(into: &burst)
    let nothing = burst.count
    let sleeps = source.arm()
    var files: [Int32] = []
    files += source.capabilities.wakeFileDescriptors
    #expect(nothing == 0)
    #expect(sleeps)
    #expect(files.count == 1)
    let rest = Array(bytes[24...])
    #expect(unsafe write(file, rest, rest.count) == rest.count)
    let wakes = !source.arm()
    #expect(wakes)
    source.receive(into: &burst)
    let frames = (0..<burst.count).map { array(burst[$0]) }
    #expect(frames == [[1, 2, 3], [4, 5]])
    let isExhausted = source.isExhausted
    #expect(!isExhausted)
  }

  @Test func `what cannot be read is said in one line`() throws {
    try write(captureFile([], linkType: 105), to: folder("wifi.pcap"))
    try write(Array("this is no capture, whatever its name says".utf8), to: folder("garbage.pcap"))
    try write([], to: folder("empty.pcap"))
    func message(_ name: String) -> String {
      do {
        _ = try PcapSource(folder(name), onEvent: log.events)
        return "it opened"
      } catch { return error.message }
    }
    #expect(message("missing.pcap") == "there is no file \(folder("missing.pcap"))")
    #expect(message("") == "\(folder("")) is a folder; name a capture file in it")
    #expect(
      message("wifi.pcap").hasPrefix("\(folder("wifi.pcap")) was captured on a link of type IEEE802_11; supported are"))
    #expect(
      message("garbage.pcap").hasPrefix("\(folder("garbage.pcap")) is not a capture file that libpcap can read: "))
    #expect(message("empty.pcap").hasPrefix("\(folder("empty.pcap")) is empty, "))
    #expect(message("a\0b").contains("zero byte"))
  }

  @Test func `buffers are asked for that fit what the file keeps`() throws {
    func wanted(_ snaplen: UInt8, _ high: UInt8) throws -> Int {
      var bytes = captureFile([])
      bytes.replaceSubrange(16..<20, with: [snaplen, high, 0, 0])
      try write(bytes, to: folder("in.pcap"))
      let source = try PcapSource(folder("in.pcap"), onEvent: log.events)
      return source.capabilities.wantedBufferByteCount
    }
    #expect(try wanted(96, 0) == 2048)
    #expect(try wanted(0, 16) == 4160)
    try write(captureFile([]), to: folder("in.pcap"))
    let source = try PcapSource(folder("in.pcap"), onEvent: log.events)
    let wanted = [source.capabilities.wantedBufferByteCount, source.capabilities.wantedBufferCount]
    #expect(wanted == [65_600, 256])
  }
}
