import CleanQ
import Synchronization

/// What one copy of the pipeline has sent and got back, for the main thread to read while it runs.
final class Tally: Sendable {
  let sent = Atomic<Int>(0)
  /// Came back whole and in their order.
  let returned = Atomic<Int>(0)
  /// Never came back.
  let lost = Atomic<Int>(0)
  /// Came back a second time, or behind a later one.
  let late = Atomic<Int>(0)
  /// Came back with other bytes, or were never sent.
  let wrong = Atomic<Int>(0)
}

/// The numbered frames of one queue pair: what each consists of.
struct Sequence {
  /// Addresses, type, then number and queue.
  static let headerByteCount = 30
  static let sizes = 60...1514
  /// For local experiments. Source: [IEEE 802 § 9.2.4].
  static let etherType: [UInt8] = [0x88, 0xB5]

  let queue: Int

  /// The length of a frame: every one there is, in an order that mixes them.
  func byteCount(_ number: Int) -> Int { Self.sizes.lowerBound + number &* 7919 % Self.sizes.count }

  /// Writes a frame into a buffer that is long enough.
  func write(_ number: Int, to buffer: inout Buffer) {
    let count = byteCount(number)
    buffer.reset()
    precondition(buffer.setValid(offset: buffer.headroom, byteCount: count), "the buffer is too short for a frame")
    var bytes = buffer.mutableBytes
    for index in 0..<count { bytes[index] = byte(index, of: number) }
  }

  /// Reads a frame's number and checks every byte of it.
  ///
  /// - Returns: nil where it is not a frame of this sequence, byte by byte.
  func read(_ bytes: Span<UInt8>) -> Int? {
    guard bytes.count >= Self.headerByteCount else { return nil }
    var number = 0
    for index in 0..<8 { number |= Int(bytes[14 + index]) << (8 * index) }
    guard number >= 0, bytes.count == byteCount(number) else { return nil }
    for index in 0..<bytes.count where bytes[index] != byte(index, of: number) { return nil }
    return number
  }

  @inline(__always)
  private func byte(_ index: Int, of number: Int) -> UInt8 {
    switch index {
    case 0, 6: 2
    case 1...5: 0xD0
    case 7...11: UInt8(truncatingIfNeeded: queue)
    case 12, 13: Self.etherType[index - 12]
    case 14..<22: UInt8(truncatingIfNeeded: number >> (8 * (index - 14)))
    case 22..<Self.headerByteCount: UInt8(truncatingIfNeeded: queue &+ index)
    default: UInt8(truncatingIfNeeded: number &+ index &* 31)
    }
  }
}
