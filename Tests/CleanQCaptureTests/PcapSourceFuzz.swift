import CleanQ
import CleanQCapture
import Foundation
import Testing
import TestSupport

/// Files cut and changed anywhere: a source may refuse them, end early or give other frames, and must do nothing else.
@Suite struct PcapSourceFuzz {
  let folder: Folder

  init() throws { folder = try Folder() }

  /// Reads what there is. Never more than one line in the log.
  private func read(_ bytes: [UInt8], _ note: String) throws -> [[UInt8]]? {
    let log = Log()
    let path = folder("in.pcap")
    try write(bytes, to: path)
    let source: PcapSource
    do { source = try PcapSource(path, onEvent: log.events) } catch { return nil }
    let result = try readAll(source)
    #expect(result.ended, "\(note)")
    #expect(log.lines.count == Int(result.report.counter("unreadable") ?? 99), "\(note)")
    #expect(log.lines.count <= 1, "\(note)")
    return result.frames
  }

  static func pcapng() throws -> [UInt8]? {
    guard has("editcap") else { return nil }
    let folder = try Folder()
    var random = SeededGenerator(seed: 4)
    try write(captureFile(mixedFrames(6, &random).map { Array($0.prefix(90)) }), to: folder("in.pcap"))
    _ = try run("editcap", ["-F", "pcapng", folder("in.pcap"), folder("in.pcapng")])
    return try [UInt8](contentsOf: folder("in.pcapng"))
  }

  @Test func `a pcap file that is cut anywhere gives the whole frames before the cut`() throws {
    let frames = [3, 60, 1, 20, 47].map { [UInt8](repeating: UInt8($0), count: $0) }
    let bytes = captureFile(frames)
    for cut in 0..<bytes.count {
      let got = try read(Array(bytes[..<cut]), "cut at \(cut)")
      if cut < 24 {
        #expect(got == nil, "cut at \(cut)")
      } else {
        var end = 24
        let whole = frames.prefix { frame in
          end += 16 + frame.count
          return end <= cut
        }
        #expect(got == Array(whole), "cut at \(cut)")
      }
    }
  }

  @Test func `a pcapng file that is cut anywhere ends there`() throws {
    guard let bytes = try Self.pcapng() else { return }
    let frames = try #require(try read(bytes, "whole"))
    for cut in 0..<bytes.count {
      guard let got = try read(Array(bytes[..<cut]), "cut at \(cut)") else { continue }
      #expect(got == Array(frames.prefix(got.count)), "cut at \(cut)")
    }
  }

  @Test(arguments: [false, true])
  func `changed bytes never trap nor hang`(isPcapNG: Bool) throws {
    var frames = SeededGenerator(seed: 5)
    let pcap = captureFile(mixedFrames(8, &frames).map { Array($0.prefix(100)) })
    guard let bytes = isPcapNG ? try Self.pcapng() : pcap else { return }
    let interesting: [UInt8] = [0, 1, 0x7f, 0x80, 0xff]
    for seed in 0..<1500 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      var changed = bytes
      for _ in 0...Int.random(in: 0...4, using: &random) {
        let index = Int.random(in: 0..<changed.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: changed[index] = interesting.randomElement(using: &random) ?? 0
        case 1: changed[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: changed.removeSubrange(index..<min(index + 4, changed.count))
        case 3: changed.insert(contentsOf: random.bytes(4), at: index)
        default: for offset in index..<min(index + 4, changed.count) { changed[offset] = 0xff }
        }
        if changed.isEmpty { break }
      }
      _ = try read(changed, "seed \(seed)")
    }
  }
}
