import CleanQ
import CleanQPipeline
import Foundation
import Testing
import TestSupport

@testable import CleanQCapture
import CleanQCaptureStages

/// Where captures go: files of whose mode, by what links, behind which lock; pipes that nobody reads.
@Suite struct CaptureOutputTests {
  let folder: Folder
  let log = Log()

  init() throws { folder = try Folder() }

  private func writer(_ path: String) throws(CaptureError) -> PcapWriter {
    try PcapWriter(path, linkType: .ethernet, onEvent: log.events)
  }

  /// Opens and closes a capture.
  private func diagnostic(_ path: String) -> String {
    do {
      _ = try writer(path)
      return "none"
    } catch { return "\(error)" }
  }

  private func mode(_ path: String) -> UInt32 {
    var status = stat()
    // SAFETY: the structure is this function's own.
    return unsafe stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test func `a new file is its owner's alone, and one that was there keeps its mode`() throws {
    let path = folder("f.pcap")
    #expect(diagnostic(path) == "none")
    #expect(mode(path) == 0o600)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    #expect(diagnostic(path) == "none")
    #expect(mode(path) == 0o644)
  }

  @Test func `links of one's own are followed, wherever they stand`() throws {
    try makeFolder(folder("real"))
    try link("real", at: folder("relative"))
    try link(folder("real"), at: folder("absolute"))
    try link("../relative/f.pcap", at: folder("real/again"))
    for path in ["relative/f.pcap", "absolute/../absolute/f.pcap", "relative/again"] {
      var capture = try writer(folder(path))
      capture.write([1].span, at: .now)
      _ = consume capture
      #expect(try Capture(path: folder("real/f.pcap")).records.count == 1, "\(path)")
      try FileManager.default.removeItem(atPath: folder("real/f.pcap"))
    }
    try link("loop", at: folder("loop"))
    #expect(diagnostic(folder("loop")).contains("Too many levels of symbolic links"))
    try link("real", at: folder("folder"))
    #expect(diagnostic(folder("folder")).contains("is a folder"))
    #expect(diagnostic(folder("real/")).contains("is a folder"))
  }

  /// Who may give a link away is root.
  @Test(.enabled(if: getuid() == 0, "only root can make links that belong to somebody else"))
  func `a link of another user is not followed, as a file or on the way`() throws {
    try makeFolder(folder("real"))
    try write([1, 2, 3], to: folder("real/f.pcap"))
    try link("real/f.pcap", at: folder("file"))
    try link("real", at: folder("way"))
    try link("file", at: folder("mine"))
    for link in ["file", "way"] { #expect(giveAway(folder(link))) }
    for path in ["file", "way/f.pcap", "way/new.pcap", "mine"] {
      let name = path.hasPrefix("way") ? "way" : "file"
      #expect(
        diagnostic(folder(path))
          == "\(folder(path)): the symbolic link \(name) belongs to user 65534 and is not followed; "
          + "write the path of the file itself")
    }
    #expect(try [UInt8](contentsOf: folder("real/f.pcap")) == [1, 2, 3])
    #expect(!FileManager.default.fileExists(atPath: folder("real/new.pcap")))
  }

  @Test func `a file that another process has locked is left as it is`() throws {
    let path = folder("f.pcap")
    try write([1, 2, 3], to: path)
    // Another description stands for another process.
    // SAFETY: a path that lives during the call.
    let other = unsafe open(path, O_RDWR)
    #expect(flock(other, LOCK_EX) == 0)
    #expect(
      diagnostic(path) == "\(path): another process writes \(path); stop it, or write to another file")
    #expect(try [UInt8](contentsOf: path) == [1, 2, 3])
    close(other)
    #expect(diagnostic(path) == "none")
    #expect(diagnostic("/dev/null") == "none")
  }

  @Test func `a pipeline that does not start leaves the file as it was; one that starts begins with the header`() throws
  {
    let path = folder("f.pcap")
    try write([1, 2, 3], to: path)
    let error = #expect(throws: StageError.self) {
      try Pipeline {
        Loopback()
        PcapTap(path)
        PcapTap(folder("missing/f.pcap"))
        Discard()
      }.start(logger: log.logger)
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("there is no folder"))
    #expect(try [UInt8](contentsOf: path) == [1, 2, 3])
    let running = try Pipeline {
      Loopback()
      PcapTap(path)
      PcapTap(folder("new.pcap"))
      Discard()
    }.start(logger: log.logger)
    for path in [path, folder("new.pcap")] {
      #expect(try [UInt8](contentsOf: path).count == 24)
      #expect(try Capture(path: path).magic == 0xa1b2_c3d4)
    }
    running.stop()
    _ = running.finish()
  }

  /// A pipe that nobody reads, and the queue in front of it, fill up: what comes then is dropped, and what is in the pipe in the
  /// end are whole records and at most a part of one.
  @Test func `a pipe that nobody reads holds nothing up`() throws {
    var ends: [Int32] = [0, 0]
    // SAFETY: pipe writes two descriptors into the array.
    try #require(unsafe pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let count = CaptureQueue.byteCount / 1016 + 1000
    let frame = [UInt8](repeating: 7, count: 1000)
    var writer = try PcapWriter("/proc/self/fd/\(ends[1])", linkType: .ethernet, onEvent: log.events)
    for _ in 0..<count { writer.write(frame.span, at: .now) }
    let refused = writer.lostFrameCount
    #expect((900...1000).contains(refused))
    #expect(log.lines.count == 1 && log.lines[0].contains("counted as not-written"))
    // A reader that comes back gets what waited, and the capture goes on.
    var data: [UInt8] = []
    func readSome() {
      var bytes = [UInt8](repeating: 0, count: 1 << 20)
      // SAFETY: into the array, as long as it is.
      let got = unsafe read(ends[0], &bytes, bytes.count)
      data += bytes.prefix(max(0, got))
    }
    #expect(
      eventually {
        readSome()
        return writer.isIdle
      })
    for _ in 0..<count { writer.write(frame.span, at: .now) }
    writer.finish(by: .now)
    let written = writer.writtenFrameCount
    #expect(writer.lostFrameCount + written == UInt64(2 * count))
    while data.count < 24 + Int(written) * 1016 { readSome() }
    let capture = Capture(Data(data))
    #expect(capture.records.count == Int(written))
    #expect(capture.records.allSatisfy { $0.bytes == frame })
    #expect(log.lines.count == 2 && log.lines[1].contains("was too slow for the end of the capture"))
  }

  @Test func `a file that was renamed is opened again, and the next record begins it`() throws {
    let path = folder("f.pcap")
    var writer = try writer(path)
    let channel = writer.channel
    func reopened(_ count: Int) -> Bool { eventually { log.lines.count { $0.contains("reopened") } == count } }
    writer.write([1].span, at: .now)
    // Not renamed: nothing changes.
    channel.reopen()
    writer.flush()
    #expect(eventually { writer.isIdle })
    try FileManager.default.moveItem(atPath: path, toPath: folder("f.pcap.1"))
    writer.write([2].span, at: .now)
    writer.flush()
    channel.reopen()
    #expect(reopened(1))
    writer.write([3].span, at: .now)
    writer.finish(by: .now.advanced(byMilliseconds: 10_000))
    #expect(try Capture(path: folder("f.pcap.1")).frames == [[1], [2]])
    #expect(try Capture(path: path).frames == [[3]])
    #expect(mode(path) == 0o600)
    #expect(writer.writtenByteCount == 2 * 24 + 3 * 17)
    #expect(writer.writtenFrameCount == 3)
  }

  @Test func `a file that cannot be opened again goes on as it was`() throws {
    try makeFolder(folder("sub"))
    var writer = try writer(folder("sub/f.pcap"))
    try FileManager.default.moveItem(atPath: folder("sub"), toPath: folder("away"))
    let channel = writer.channel
    channel.reopen()
    #expect(eventually { log.lines.contains { $0.contains("continues in the old file") } })
    writer.write([1].span, at: .now)
    writer.finish(by: .now.advanced(byMilliseconds: 10_000))
    #expect(try Capture(path: folder("away/f.pcap")).frames == [[1]])
  }

  @Test func `a FIFO without a reader is not waited for longer than the start`() throws {
    let path = folder("fifo")
    #expect(makeFIFO(path))
    var ends: [Int32] = [0, 0]
    // SAFETY: pipe writes two descriptors into the array.
    try #require(unsafe pipe(&ends) == 0)
    defer { close(ends[0]) }
    // A pipe without a writer is readable, as a file is that something was written to.
    close(ends[1])
    let error = #expect(throws: StageError.self) {
      try Pipeline {
        Loopback()
        PcapTap(path)
        Discard()
      }.start(logger: log.logger, cancelFile: ends[0])
    }
    #expect(error?.errno == ECANCELED)
  }

  /// A source that is a file waits for a reader that is slow: nothing is dropped, and the end comes after the last record.
  @Test func `what comes from a file waits for who reads the capture`() throws {
    let frames = (0..<12_000).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 1400) }
    try write(captureFile(frames), to: folder("in.pcap"))
    var ends: [Int32] = [0, 0]
    // SAFETY: pipe writes two descriptors into the array.
    try #require(unsafe pipe(&ends) == 0)
    defer { close(ends[0]) }
    let running = try Pipeline {
      PcapFile(folder("in.pcap"))
      PcapTap("/proc/self/fd/\(ends[1])")
      Discard()
    }.start(logger: log.logger)
    close(ends[1])
    usleep(300_000)
    var data: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // SAFETY: into the array, as long as it is.
      let got = unsafe read(ends[0], &bytes, bytes.count)
      guard got > 0 else { break }
      data += bytes.prefix(got)
    }
    let report = running.finish()
    #expect(Capture(Data(data)).frames == frames)
    #expect(report.stages[1].report.counter("not-written") == 0)
  }
}
