import CleanQ
import CleanQCapture
import CleanQPipeline
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import CleanQCaptureStages

/// A folder of one test's own, removed with it.
final class Folder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/cleanq-pcap-XXXXXX".utf8CString)
    // SAFETY: the array outlives the call, which writes inside it.
    try #require(unsafe mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
}

/// Runs a program to its end.
///
/// - Returns: its exit status, standard output and standard error.
func run(_ tool: String, _ arguments: [String]) throws -> (status: Int32, out: Data, err: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [tool] + arguments
  let out = Pipe()
  let err = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  _ = FileManager.default.createFile(atPath: err.path, contents: nil)
  defer { try? FileManager.default.removeItem(at: err) }
  process.standardOutput = out
  process.standardError = try FileHandle(forWritingTo: err)
  process.standardInput = FileHandle.nullDevice
  try process.run()
  let data = out.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (process.terminationStatus, data, (try? String(contentsOf: err, encoding: .utf8)) ?? "")
}

/// Whether a program is installed.
func has(_ tool: String) -> Bool {
  ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"].contains {
    FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)")
  }
}

/// Asks `capinfos` for one value by its option: `-c` for the number of packets.
func capinfos(_ option: String, _ path: String) throws -> String {
  let result = try run("capinfos", ["-T", "-r", "-m", option, path])
  let fields = String(decoding: result.out, as: UTF8.self).trimmingCharacters(in: .newlines).split(separator: ",")
  return fields.last.map(String.init) ?? result.err
}

/// A capture file, read by hand: little-endian pcap.
struct Capture {
  struct Record: Equatable {
    var seconds: UInt32
    var fraction: UInt32
    var originalByteCount: Int
    var bytes: [UInt8]
  }

  var magic: UInt32 = 0
  var snaplen: UInt32 = 0
  var linkType: UInt32 = 0
  var records: [Record] = []
  /// Bytes after the last whole record.
  var tailByteCount = 0

  init(_ data: Data) {
    let bytes = [UInt8](data)
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * $1) }
    }
    guard bytes.count >= 24 else { return }
    magic = word(0)
    snaplen = word(16)
    linkType = word(20)
    var offset = 24
    while offset + 16 <= bytes.count, offset + 16 + Int(word(offset + 8)) <= bytes.count {
      let count = Int(word(offset + 8))
      records.append(
        Record(
          seconds: word(offset), fraction: word(offset + 4), originalByteCount: Int(word(offset + 12)),
          bytes: Array(bytes[offset + 16..<offset + 16 + count])))
      offset += 16 + count
    }
    tailByteCount = bytes.count - offset
  }

  init(path: String) throws { self.init(try Data(contentsOf: URL(fileURLWithPath: path))) }

  var frames: [[UInt8]] { records.map(\.bytes) }
}

/// The bytes of a capture file of frames.
func captureFile(
  _ frames: [[UInt8]], magic: UInt32 = 0xa1b2_c3d4, linkType: UInt32 = 1, bigEndian: Bool = false
) -> [UInt8] {
  var bytes: [UInt8] = []
  func put(_ value: UInt32) {
    let little = (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    bytes += bigEndian ? little.reversed() : little
  }
  put(magic)
  put(bigEndian ? 2 << 16 | 4 : 4 << 16 | 2)
  for word in [0, 0, 262_144, linkType] { put(word) }
  for (index, frame) in frames.enumerated() {
    for word in [UInt32(1_700_000_000 + index), 123_456, UInt32(frame.count), UInt32(frame.count)] { put(word) }
    bytes += frame
  }
  return bytes
}

/// Writes bytes to a file.
func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

extension [UInt8] {
  /// A file's bytes.
  init(contentsOf path: String) throws { self = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
}

/// Whether something becomes true before long, generously: what a thread of its own does is seen a moment later.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  for _ in 0..<10_000 {
    if try condition() { return true }
    usleep(1000)
  }
  return false
}

/// Makes a symbolic link.
func link(_ target: String, at path: String) throws {
  try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
}

/// Makes a folder.
func makeFolder(_ path: String) throws {
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
}

/// Makes a FIFO. Returns whether it could.
func makeFIFO(_ path: String) -> Bool {
  // SAFETY: the path lives during the call.
  unsafe mkfifo(path, 0o600) == 0
}

/// Gives a link itself to another user. Returns whether it could.
func giveAway(_ path: String) -> Bool {
  // SAFETY: the path lives during the call.
  unsafe lchown(path, 65_534, 65_534) == 0
}

extension Log {
  /// Lets events be logged as the stage does.
  var events: CaptureEventHandler {
    let lines = CaptureLog(logger)
    return { lines.write($0) }
  }
}
