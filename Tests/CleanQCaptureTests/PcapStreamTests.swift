import CleanQ
import CleanQCapture
import CleanQPipeline
import Foundation
import Testing
import TestSupport

/// Captures that come through a pipe: what comes of them is what comes of the same bytes in a file.
@Suite(.timeLimit(.minutes(5))) struct PcapStreamTests {
  let folder: Folder
  let log = Log()

  init() throws { folder = try Folder() }

  struct Result: Equatable {
    var frames: [[UInt8]]
    var hasEnded: Bool
    var unreadableCount: UInt64?
  }

  /// What a file of the bytes gives; nil where it is refused.
  private func read(_ path: String) throws -> Result? {
    let source: PcapSource
    do { source = try PcapSource(path, onEvent: log.events) } catch { return nil }
    let result = try readAll(source, maximumTurns: 50_000_000)
    return Result(
      frames: result.frames, hasEnded: result.ended, unreadableCount: result.report.counter("unreadable"))
  }

  /// The same through a FIFO, whose writer writes pieces.
  private func readStream(_ bytes: [UInt8], pieceByteCount: Int) throws -> Result? {
    let path = folder("fifo")
    // SAFETY: the path lives during the call.
    _ = unsafe unlink(path)
    try #require(makeFIFO(path))
    let isOver = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      // A reader that has refused the file is gone.
      var mask = sigset_t()
      // SAFETY: the set is this closure's own.
      unsafe sigemptyset(&mask)
      unsafe sigaddset(&mask, SIGPIPE)
      unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
      // SAFETY: the path and the array outlive the calls.
      let file = unsafe open(path, O_WRONLY)
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = Array(rest.prefix(pieceByteCount))
        rest = rest.dropFirst(piece.count)
        guard unsafe write(file, piece, piece.count) == piece.count else { break }
        if pieceByteCount < 4 { sched_yield() }
      }
      close(file)
      isOver.signal()
    }
    let result = try read(path)
    isOver.wait()
    return result
  }

  /// Captures of every layout that libpcap reads.
  private func captures() throws -> [(name: String, bytes: [UInt8])] {
    var random = SeededGenerator(seed: 11)
    let frames = mixedFrames(12, &random).map { Array($0.prefix(120)) }
    var all: [(name: String, bytes: [UInt8])] = []
    for bigEndian in [false, true] {
      for magic: UInt32 in [0xa1b2_c3d4, 0xa1b2_3c4d] {
        all.append(("\(magic) \(bigEndian)", captureFile(frames, magic: magic, bigEndian: bigEndian)))
      }
    }
    // Before 2.3 the two lengths of a record are the other way round.
    for minor: UInt8 in [2, 3] {
      var bytes = captureFile(frames)
      bytes[6] = minor
      var offset = 24
      for frame in frames {
        bytes[offset + (minor == 2 ? 8 : 12)] &+= 1
        offset += 16 + frame.count
      }
      all.append(("2.\(minor)", bytes))
    }
    var patched = Array(captureFile([], magic: 0xa1b2_cd34))
    for frame in frames {
      let count = UInt8(frame.count)
      patched += [1, 0, 0, 0, 2, 0, 0, 0, count, 0, 0, 0, count, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0] + frame
    }
    all.append(("patched", patched))
    if let bytes = try PcapSourceFuzz.pcapng() { all.append(("pcapng", bytes)) }
    return all
  }

  @Test func `a stream gives what a file gives, however it comes`() throws {
    for (name, bytes) in try captures() {
      try write(bytes, to: folder("in.pcap"))
      let wanted = try read(folder("in.pcap"))
      #expect(wanted?.frames.isEmpty == false, "\(name)")
      for count in [1, 7, 33, 1 << 16] {
        let got = try readStream(bytes, pieceByteCount: count)
        #expect(got == wanted, "\(name), by \(count)")
      }
    }
  }

  @Test func `a stream that is cut or changed ends as a file does`() throws {
    for (name, bytes) in try captures() {
      for seed in 0..<60 as Range<UInt64> {
        var random = SeededGenerator(seed: seed)
        var changed = bytes
        if seed.isMultiple(of: 2) { changed.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          let index = Int.random(in: 0..<changed.count, using: &random)
          changed[index] = [0, 1, 0x7f, 0x80, 0xff, changed[index] ^ 1].randomElement(using: &random) ?? 0
        }
        try write(changed, to: folder("in.pcap"))
        let wanted = try read(folder("in.pcap"))
        let got = try readStream(changed, pieceByteCount: seed.isMultiple(of: 3) ? 5 : 1 << 16)
        #expect(got == wanted, "\(name), seed \(seed)")
      }
    }
  }

  @Test func `packets that are longer than what is read at once`() throws {
    let frames = [200_000, 1, 262_144, 60].map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $0) }
    let bytes = captureFile(frames)
    let got = try readStream(bytes, pieceByteCount: 30_000)
    // Buffers are smaller.
    #expect(got?.frames == [frames[1], frames[3]])
    #expect(got?.unreadableCount == 0)
  }

  @Test func `a FIFO without a writer is not waited for longer than the start`() throws {
    let path = folder("fifo")
    #expect(makeFIFO(path))
    var ends: [Int32] = [0, 0]
    // SAFETY: pipe writes two descriptors into the array.
    try #require(unsafe pipe(&ends) == 0)
    defer { close(ends[0]) }
    let end = ends[1]
    DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) { close(end) }
    let error = #expect(throws: CaptureError.self) {
      _ = try PcapSource(path, cancelFile: ends[0], onEvent: log.events)
    }
    #expect(error?.errno == ECANCELED)
  }

  @Test func `no descriptor is left open`() throws {
    func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
    let bytes = captureFile([[1, 2, 3]])
    _ = try readStream(bytes, pieceByteCount: 100)
    // Other tests run beside this one, so many rounds have to show more than they open.
    let before = try count()
    for _ in 0..<300 {
      _ = try readStream(bytes, pieceByteCount: 100)
      _ = try readStream(Array(bytes[..<20]), pieceByteCount: 100)
    }
    #expect(try count() < before + 250)
  }
}
