import CleanQ
import CleanQCapture
import CleanQPipeline
import Foundation
import Testing
import TestSupport

@Suite struct PcapWriterTests {
  let folder: Folder
  let log = Log()

  init() throws { folder = try Folder() }

  @Test(arguments: [TimestampPrecision.micro, .nano])
  func `every byte of a file is as libpcap's format has it`(precision: TimestampPrecision) throws {
    let path = folder("f.pcap")
    do {
      var writer = try PcapWriter(path, linkType: .ethernet, snaplen: 40, precision: precision, onEvent: log.events)
      for count in [0, 1, 40, 41, 100] {
        let frame = [UInt8](repeating: UInt8(count), count: count)
        writer.write(frame.span, at: CaptureTime(seconds: 1_700_000_000, nanoseconds: 123_456_789))
      }
      let counts = (writer.writtenFrameCount, writer.writtenByteCount)
      #expect(counts == (5, 24 + 5 * 16 + 0 + 1 + 40 + 40 + 40))
    }
    let capture = try Capture(path: path)
    #expect(capture.magic == (precision == .nano ? 0xa1b2_3c4d : 0xa1b2_c3d4))
    #expect(capture.snaplen == 40)
    #expect(capture.linkType == 1)
    #expect(capture.records.map(\.originalByteCount) == [0, 1, 40, 41, 100])
    #expect(capture.frames == [0, 1, 40, 41, 100].map { [UInt8](repeating: UInt8($0), count: min($0, 40)) })
    #expect(capture.records.allSatisfy { $0.seconds == 1_700_000_000 })
    #expect(capture.records.allSatisfy { $0.fraction == (precision == .nano ? 123_456_789 : 123_456) })
    #expect(capture.tailByteCount == 0)
    #expect(log.lines.isEmpty)
  }

  @Test(.enabled(if: has("capinfos") && has("tcpdump"), "capinfos and tcpdump are not installed"))
  func `tcpdump and capinfos read it`() throws {
    let path = folder("f.pcap")
    do {
      var writer = try PcapWriter(path, linkType: .ethernet, snaplen: 96, precision: .nano, onEvent: log.events)
      for index in 0..<100 {
        let frame = udpFrame(to: 7, payload: [UInt8](repeating: 0, count: 300))
        writer.write(frame.span, at: CaptureTime(seconds: 1_700_000_000 + index, nanoseconds: index))
      }
    }
    #expect(try capinfos("-c", path) == "100")
    #expect(try capinfos("-E", path) == "ether")
    #expect(try capinfos("-t", path).contains("nsecpcap"))
    #expect(try capinfos("-l", path).contains("96"))
    let dump = try run("tcpdump", ["-nr", path])
    #expect(dump.status == 0)
    #expect(String(decoding: dump.out, as: UTF8.self).split(separator: "\n").count == 100)
  }

  @Test func `no system call is made per frame, and the rest follows at the end`() throws {
    let path = folder("f.pcap")
    let frame = [UInt8](repeating: 7, count: 1000)
    func size() throws -> Int { try Data(contentsOf: URL(fileURLWithPath: path)).count }
    do {
      var writer = try PcapWriter(path, linkType: .ethernet, onEvent: log.events)
      for _ in 0..<100 { writer.write(frame.span, at: .now) }
      #expect(try size() == 24)
      for _ in 0..<100 { writer.write(frame.span, at: .now) }
      #expect(try eventually { try Capture(path: path).records.count == 130 })
      #expect(try Capture(path: path).tailByteCount == 0, "a flush ends where a record ends")
      writer.flush()
      #expect(try eventually { try size() == 24 + 200 * 1016 })
      writer.write(frame.span, at: .now)
    }
    #expect(try size() == 24 + 201 * 1016)
  }

  @Test func `a frame longer than the buffer is cut to the largest snaplen`() throws {
    let path = folder("f.pcap")
    let frame = [UInt8](repeating: 7, count: 300_000)
    do {
      var writer = try PcapWriter(path, linkType: .ethernet, onEvent: log.events)
      for _ in 0..<3 { writer.write(frame.span, at: .now) }
    }
    let capture = try Capture(path: path)
    #expect(capture.records.map(\.bytes.count) == [262_144, 262_144, 262_144])
    #expect(capture.records.map(\.originalByteCount) == [300_000, 300_000, 300_000])
  }

  @Test func `what cannot be opened is said in one line`() throws {
    try write([], to: folder("file"))
    func message(_ path: String) -> String {
      do {
        _ = try PcapWriter(path, linkType: .ethernet, onEvent: log.events)
        return "it opened"
      } catch { return error.description }
    }
    let missing = folder("missing/f.pcap")
    #expect(
      message(missing) == "\(missing): there is no folder for \(missing); make it first, or write somewhere else")
    #expect(message(folder.path) == "\(folder.path): \(folder.path) is a folder; name a file in it")
    #expect(message(folder("file/f.pcap")).contains("is a file where a folder should be"))
    #expect(message("/proc/f.pcap").contains("/proc/f.pcap"))
    #expect(message("a\0b").contains("zero byte"))
    #expect(message(folder("") + String(repeating: "x", count: 300)).contains("File name too long"))
    if getuid() != 0 { #expect(message("/etc/f.pcap").contains("no permission to write /etc/f.pcap")) }
  }
}
