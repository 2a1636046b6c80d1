import CleanQ
import CleanQTesting
import CleanQCapture
import CleanQPipeline
import Foundation
import Glibc
import Testing
import TestSupport

@Suite struct PcapFailureTests {
  let folder: Folder
  let log = Log()

  init() throws { folder = try Folder() }

  @Test func `a full disk is said once and counted, and traffic goes on`() throws {
    let region = try Region(byteCount: 1 << 20)
    let wire = TestWire()
    var port = try PcapPort<TestDevice<Frame>>(on: wire, region, CaptureOptions("/dev/full"), onEvent: log.events)
    var burst = Burst()
    for round in 0..<20 {
      for index in 0..<32 {
        burst.append(try makeBuffer([UInt8](repeating: UInt8(index), count: 1000), in: region))
      }
      let refusal = port.transmit(&burst)
      #expect(refusal == nil, "round \(round)")
      port.complete(into: &burst)
      let completed = burst.count
      #expect(completed == 32)
      burst.releaseAll()
    }
    port.quiesce()
    #expect(wire.transmitted.count == 640)
    let report = report(of: port)
    #expect(report.transmitted.packets == 640)
    #expect(report.counter("captured") == 0)
    #expect(report.counter("not-written") == 640)
    #expect(report.counter("bytes-written") == 0)
    #expect(report.failure == "cannot write the capture to /dev/full: No space left on device")
    #expect(
      log.lines == [
        "error cannot write the capture to /dev/full: No space left on device; nothing more is captured"
      ])
  }

  @Test func `a failure ends the pipeline where that is wanted, and is not slept over`() throws {
    let region = try Region(byteCount: 1 << 20)
    for stops in [false, true] {
      var port = try PcapPort<TestDevice<Frame>>(
        on: TestWire(), region, CaptureOptions("/dev/full", stopsOnFailure: stops), onEvent: log.events)
      var burst = Burst()
      burst.append(try makeBuffer([1, 2, 3], in: region))
      port.transmit(&burst)
      port.complete(into: &burst)
      burst.releaseAll()
      let sleeps = port.arm()
      #expect(sleeps)
      // The writing thread meets the failure, and wakes the loop for it where it is the end.
      var files: [Int32] = []
      files += port.capabilities.wakeFileDescriptors
      var entries = files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      // SAFETY: the array outlives the call and its count is passed with it.
      let wokenCount = unsafe poll(&entries, nfds_t(entries.count), stops ? 10_000 : 50)
      #expect(wokenCount == (stops ? 1 : 0))
      port.disarm()
      let isExhausted = port.isExhausted
      #expect(isExhausted == stops)
      let sleepsThen = port.arm()
      #expect(sleepsThen)
    }
  }

  @Test func `a file that is read or written here is not begun again, and left as it is`() throws {
    let path = folder("f.pcap")
    var first = try PcapWriter(path, linkType: .ethernet, onEvent: log.events)
    first.write([1, 2, 3].span, at: .now)
    first.flush()
    func diagnostic(_ path: String) -> String {
      do {
        _ = try PcapWriter(path, linkType: .ethernet, onEvent: log.events)
        return "none"
      } catch { return "\(error)" }
    }
    #expect(
      diagnostic(path) == "\(path): another stage reads or writes this file; give each capture a file of its own")
    _ = consume first
    let source = try PcapSource(path, onEvent: log.events)
    #expect(diagnostic(path).contains("another stage"))
    _ = consume source
    #expect(try Capture(path: path).records.count == 1)
    #expect(diagnostic(path) == "none")
    #expect(diagnostic("/dev/null") == "none")
  }

  @Test func `failing at the very end is said too`() throws {
    do {
      var writer = try PcapWriter("/dev/full", linkType: .ethernet, onEvent: log.events)
      writer.write([1, 2, 3].span, at: .now)
    }
    #expect(log.lines.count == 1)
  }

  @Test func `a count is reached although nothing can be written`() throws {
    let region = try Region(byteCount: 1 << 20)
    var port = try PcapPort<TestDevice<Frame>>(
      on: TestWire(), region, CaptureOptions("/dev/full", count: 5), onEvent: log.events)
    var burst = Burst()
    for _ in 0..<8 { burst.append(try makeBuffer([1, 2, 3], in: region)) }
    port.transmit(&burst)
    let isExhausted = port.isExhausted
    #expect(isExhausted)
    port.quiesce()
    let report = report(of: port)
    #expect(report.counter("not-written") == 5)
  }

  /// In a process of its own, for SIGPIPE is deadly there and its disposition is the process's.
  @Test func `a closed pipe kills nobody and is said once`() async {
    await #expect(processExitsWith: .success) {
      var ends: [Int32] = [0, 0]
      // SAFETY: pipe writes two descriptors into the array.
      guard unsafe pipe(&ends) == 0 else { exit(10) }
      signal(SIGPIPE, SIG_DFL)
      let log = Log()
      do {
        var writer = try PcapWriter("/proc/self/fd/\(ends[1])", linkType: .ethernet, onEvent: log.events)
        writer.write([1, 2, 3].span, at: .now)
        writer.flush()
        guard eventually({ writer.isIdle }) else { exit(14) }
        close(ends[0])
        for _ in 0..<1000 { writer.write([UInt8](repeating: 1, count: 1000).span, at: .now) }
        writer.flush()
        guard eventually({ writer.hasFailed }), writer.writtenFrameCount == 1, writer.lostFrameCount == 1000 else {
          exit(11)
        }
      } catch { exit(12) }
      guard log.lines.count == 1, log.lines[0].contains("Broken pipe") else { exit(13) }
    }
  }

  /// In a process of its own, for the limit is the process's.
  @Test func `a file that cannot grow ends with its last whole frame`() async {
    await #expect(processExitsWith: .success) {
      guard let folder = try? Folder() else { exit(10) }
      signal(SIGXFSZ, SIG_DFL)
      var limit = rlimit(rlim_cur: 300_001, rlim_max: 300_001)
      // SAFETY: the structure outlives the call.
      guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(11) }
      let log = Log()
      let path = folder("f.pcap")
      do {
        var writer = try PcapWriter(path, linkType: .ethernet, onEvent: log.events)
        for _ in 0..<1000 { writer.write([UInt8](repeating: 1, count: 1000).span, at: .now) }
        writer.flush()
        guard eventually({ writer.hasFailed }), writer.writtenFrameCount == 295, writer.lostFrameCount == 705 else {
          exit(12)
        }
        guard writer.writtenByteCount == 24 + 295 * 1016 else { exit(13) }
      } catch { exit(14) }
      guard let capture = try? Capture(path: path), capture.records.count == 295, capture.tailByteCount == 0 else {
        exit(15)
      }
      guard log.lines.count == 1, log.lines[0].contains("File too large") else { exit(16) }
    }
  }
}
