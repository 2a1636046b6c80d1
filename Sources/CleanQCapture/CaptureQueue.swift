internal import CleanQ
internal import Synchronization

/// The records of a capture on their way from the thread that captures to the one that writes: a ring of bytes, of bounded
/// size, which neither thread ever waits for.
///
/// Positions count the bytes since the beginning, and never wrap. The producer copies whole records behind what it has
/// published, as far as there is room, and publishes them together; the consumer releases bytes in order, also within a
/// record. Memory that was never used costs nothing but addresses.
///
/// One producer and one consumer.
@safe
final class CaptureQueue: @unchecked Sendable {
  /// How many bytes may wait: a power of two, and more than 16 of the longest records.
  static let byteCount = 8 << 20

  private let memory: UnsafeMutableRawPointer
  private let publishedPosition = Atomic<Int>(0)
  private let releasedPosition = Atomic<Int>(0)

  init() { unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: Self.byteCount, alignment: 64) }

  deinit { unsafe memory.deallocate() }

  /// Up to where there are records.
  var published: Int { publishedPosition.load(ordering: .acquiring) }  // pairs with the release in publish(_:)

  /// Up to where the records are written, and their room is free.
  var released: Int { releasedPosition.load(ordering: .sequentiallyConsistent) }  // pairs with release(_:)

  /// Copies bytes to a position. The producer's, and the position has to be free.
  ///
  /// - Complexity: O(number of bytes).
  ///
  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  func copy(_ bytes: UnsafeRawBufferPointer, to position: Int) {
    guard let source = bytes.baseAddress else { return }
    let offset = position & (Self.byteCount &- 1)
    let first = min(bytes.count, Self.byteCount &- offset)
    // SAFETY: both parts are inside the ring, and free, so that the consumer does not look at them.
    unsafe memory.advanced(by: offset).copyMemory(from: source, byteCount: first)
    guard first < bytes.count else { return }
    unsafe memory.copyMemory(from: source.advanced(by: first), byteCount: bytes.count &- first)
  }

  /// Lets the consumer have what was copied up to a position, where a record ends.
  func publish(_ position: Int) { publishedPosition.store(position, ordering: .releasing) }

  /// The bytes from a position to another, or to where the ring wraps; good until they are released. The consumer's.
  @unsafe
  func bytes(from position: Int, to end: Int) -> UnsafeRawBufferPointer {
    let offset = position & (Self.byteCount &- 1)
    // SAFETY: inside the ring, published and not released.
    return unsafe UnsafeRawBufferPointer(
      start: memory.advanced(by: offset), count: min(end &- position, Self.byteCount &- offset))
  }

  /// A number of 32 bits in the machine's byte order, which may extend across the ring's end. The consumer's.
  func word(at position: Int) -> UInt32 {
    var word: UInt32 = 0
    unsafe withUnsafeMutableBytes(of: &word) { word in
      for index in 0..<4 {
        // SAFETY: masked into the ring; published and not released.
        unsafe word[index] = memory.load(
          fromByteOffset: (position &+ index) & (Self.byteCount &- 1), as: UInt8.self)
      }
    }
    return word
  }

  /// Frees the room up to a position. Ordered before a look at whether somebody waits for room.
  func release(_ position: Int) { releasedPosition.store(position, ordering: .sequentiallyConsistent) }
}
