import FuzzSupport

@testable import CleanQCapture

/// What reading a file to its end came to.
struct Records {
  /// Nil where the file was refused.
  var frames: [[UInt8]]?
  /// The file could not be read to its end.
  var hasFailed = false
  /// Captured on Ethernet; records of other links come behind another header.
  var isEthernet = true
}

/// Reads a file record by record.
enum ReaderChecks {
  static func check(_ bytes: [UInt8]) -> Records {
    let plain = PlainCapture(bytes)
    do {
      let records = read(try PcapReader(MemoryFile.path), byteCount: bytes.count)
      if let plain { compare(records, plain) }
      return records
    } catch {
      require(plain == nil, "a plain capture is read: \(error)")
      require(!"\(error)".isEmpty, "a refusal says why")
      return Records()
    }
  }

  private static func read(_ opened: consuming PcapReader, byteCount: Int) -> Records {
    var reader = opened
    let isEthernet = reader.dlt == 1
    require(!reader.isStream && reader.snaplen >= 0, "a file is no stream")
    var frames: [[UInt8]] = []
    while true {
      // Every record has a header of 12 bytes at least.
      require(frames.count <= byteCount / 12, "a file has no more records than it has room for")
      switch unsafe reader.next() {
      // SAFETY: the bytes are copied before the next record is read.
      case .record(let bytes, _): unsafe frames.append(Array(bytes))
      case .nothing: violated("a file is always readable")
      case .end: return Records(frames: frames, isEthernet: isEthernet)
      case .failure(let message):
        require(!message.isEmpty, "a failure says why")
        return Records(frames: frames, hasFailed: true, isEthernet: isEthernet)
      }
    }
  }

  private static func compare(_ records: Records, _ plain: PlainCapture) {
    let frames = records.frames ?? []
    require(frames.starts(with: plain.records), "the frames are those of the file")
    guard plain.isWhole else { return }
    require(frames.count == plain.records.count && !records.hasFailed, "a whole file is read to its end")
  }
}
