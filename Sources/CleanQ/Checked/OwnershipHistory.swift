internal import Glibc

/// The last events of each part of one region: 16 for every 2 KiB, found by the first byte of the buffer.
///
/// Memory: an eighth of the region, touched only where buffers start. Owned by whoever made the value, who calls
/// ``deallocate()``.
@safe
struct OwnershipHistory: BitwiseCopyable {
  /// An event in 16 bytes; operation 0 is none.
  private struct Record: BitwiseCopyable {
    /// Bits 0–3: the call. The others: the operation.
    var key: UInt64
    /// The buffer's first byte, counted from the cell's.
    var offset: UInt32
    var byteCount: UInt32
  }

  /// Events that are kept per cell. A power of two.
  static let depth = 16
  private static let cellShift = 11

  private let records: UnsafeMutablePointer<Record>
  /// Per cell, where the next event goes.
  private let cursors: UnsafeMutablePointer<UInt8>

  /// The history of a region in which nothing has happened; nil without memory.
  init?(byteCount: Int) {
    let cellCount = (byteCount - 1) >> Self.cellShift + 1
    // SAFETY: calloc's memory is aligned to 16 bytes; a record of zeros is none.
    guard let records = unsafe calloc(cellCount * Self.depth, MemoryLayout<Record>.stride) else { return nil }
    guard let cursors = unsafe calloc(cellCount, 1) else {
      unsafe free(records)
      return nil
    }
    unsafe self.records = records.bindMemory(to: Record.self, capacity: cellCount * Self.depth)
    unsafe self.cursors = cursors.bindMemory(to: UInt8.self, capacity: cellCount)
  }

  /// Ends the history; no copy of it may be used after this.
  func deallocate() {
    unsafe free(records)
    unsafe free(cursors)
  }

  /// Notes an event in place of the oldest of its cell.
  ///
  /// - Complexity: O(1).
  @inline(__always)
  func append(_ call: OwnershipCall, operation: UInt64, offset: Int, byteCount: UInt32) {
    let cell = offset >> Self.cellShift
    // SAFETY: the offset is inside the region, and so the cell is inside the table.
    let cursor = unsafe cursors[cell]
    unsafe cursors[cell] = cursor &+ 1
    unsafe records[cell &* Self.depth &+ Int(cursor) & (Self.depth &- 1)] = Record(
      key: operation &<< 4 | UInt64(call.rawValue),
      offset: UInt32(truncatingIfNeeded: offset & (1 &<< Self.cellShift &- 1)), byteCount: byteCount)
  }

  /// The last events of buffers that had a byte in common with a range, oldest first.
  ///
  /// - Parameter reach: the longest buffer that there ever was.
  /// - Complexity: O(reach + length of the range).
  func events(of range: Range<Int>, reach: Int) -> [OwnershipEvent] {
    var found: [OwnershipEvent] = []
    let firstCell = max(0, range.lowerBound - reach) >> Self.cellShift
    for cell in firstCell...((range.upperBound - 1) >> Self.cellShift) {
      for index in 0..<Self.depth {
        // SAFETY: as in `append`.
        let record = unsafe records[cell * Self.depth + index]
        guard record.key != 0, let call = OwnershipCall(rawValue: UInt8(record.key & 15)) else { continue }
        let offset = cell << Self.cellShift + Int(record.offset)
        guard offset < range.upperBound, offset + Int(record.byteCount) > range.lowerBound else { continue }
        found.append(
          OwnershipEvent(operation: record.key >> 4, call: call, offset: offset, byteCount: Int(record.byteCount)))
      }
    }
    return Array(found.sorted { $0.operation < $1.operation }.suffix(Self.depth))
  }
}
