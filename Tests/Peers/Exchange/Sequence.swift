import CleanQ
import Glibc
import Synchronization

/// What one instance of the pipeline has sent and got back, for the main thread to read while it runs.
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

  /// Those that nothing is to be expected of any more.
  var gone: Int { returned.load(ordering: .acquiring) + lost.load(ordering: .acquiring) }
}

/// The numbered frames of one queue pair: what each consists of.
///
/// Addresses and a type, the number, and then a piece of one long row of bytes without any pattern; which piece depends on
/// the number, so frames differ in every byte, and are made and checked by the block.
struct Sequence: ~Copyable {
  private static let headerByteCount = 22
  private static let sizes = 60...1514
  private static let startCount = 4096
  /// For local experiments. Source: [IEEE 802 § 9.2.4].
  private static let etherType: [UInt8] = [0x88, 0xB5]

  private let header: [UInt8]
  private let row: [UInt8]

  init(queue: Int) {
    header = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, UInt8(truncatingIfNeeded: queue)] + Self.etherType
    // The queues' rows differ: a frame of another queue is wrong from its beginning to its end.
    var state = UInt64(truncatingIfNeeded: queue) &+ 0x9E37_79B9_7F4A_7C15
    row = (0..<(Self.startCount + Self.sizes.upperBound)).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 33)
    }
  }

  /// The length of a frame: every one there is, in an order that mixes them.
  private func byteCount(_ number: Int) -> Int { Self.sizes.lowerBound + number &* 7919 % Self.sizes.count }

  private func rest(of number: Int) -> Range<Int> {
    let start = number &* 13 % Self.startCount
    return start..<(start + byteCount(number) - Self.headerByteCount)
  }

  /// Writes a frame into a buffer that is long enough.
  func write(_ number: Int, to buffer: inout Buffer) {
    buffer.reset()
    precondition(
      buffer.setValid(offset: buffer.headroom, byteCount: byteCount(number)), "the buffer is too short for a frame")
    var bytes = buffer.mutableBytes
    // SAFETY: all three parts lie inside the valid bytes, which are as many as was just said.
    unsafe bytes.withUnsafeMutableBytes { all in
      unsafe all.copyBytes(from: header)
      unsafe all.storeBytes(of: UInt64(number).littleEndian, toByteOffset: header.count, as: UInt64.self)
      unsafe UnsafeMutableRawBufferPointer(rebasing: all[Self.headerByteCount...]).copyBytes(
        from: row[rest(of: number)])
    }
  }

  /// Reads a frame's number and checks every byte of it.
  ///
  /// - Returns: nil where it is not a frame of this sequence, byte by byte.
  func read(_ bytes: Span<UInt8>) -> Int? {
    guard Self.sizes.contains(bytes.count) else { return nil }
    // SAFETY: the offsets are below the least size, and what is compared ends where the frame ends.
    return unsafe bytes.withUnsafeBytes { all in
      guard let frame = all.baseAddress else { return nil }
      let word = unsafe UInt64(littleEndian: frame.loadUnaligned(fromByteOffset: header.count, as: UInt64.self))
      guard word < 1 << 48, all.count == byteCount(Int(word)) else { return nil }
      let range = rest(of: Int(word))
      let isRight =
        unsafe header.withUnsafeBufferPointer { unsafe Self.equal(frame, $0) }
        && row.withUnsafeBufferPointer {
          unsafe Self.equal(frame + Self.headerByteCount, UnsafeBufferPointer(rebasing: $0[range]))
        }
      return isRight ? Int(word) : nil
    }
  }

  /// SAFETY: as many bytes are behind the address as are expected.
  private static func equal(_ found: UnsafeRawPointer, _ expected: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let address = expected.baseAddress else { return true }
    return unsafe memcmp(found, address, expected.count) == 0
  }
}
