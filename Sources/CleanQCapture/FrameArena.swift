/// Where frames are put together or kept until it is known what becomes of them: one block of memory, made once.
///
/// Frames are contiguous. The last one may be open: bytes can be added to it. Memory that was never used costs
/// nothing but addresses.
@safe
struct FrameArena: ~Copyable {
  /// The most bytes that one frame can have while it is open; the rest is counted and not kept.
  static let frameCapacity = PcapWriter.maximumSnaplen

  /// A frame in an arena.
  struct Frame: BitwiseCopyable {
    /// Its first byte, counted from the arena's.
    var offset = 0
    /// The bytes that are kept.
    var byteCount = 0
    /// The bytes that it had.
    var originalByteCount = 0
  }

  private let base: UnsafeMutableRawPointer
  private let byteCount: Int
  /// Where the next frame starts.
  private var end = 0
  /// The frame that bytes are added to.
  private(set) var open: Frame?

  /// - Parameters:
  ///   - frameCount: how many frames it holds.
  ///   - snaplen: how long each is once it is closed.
  init(frameCount: Int, snaplen: Int) {
    byteCount = frameCount * snaplen + Self.frameCapacity
    unsafe base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
  }

  deinit { unsafe base.deallocate() }

  /// Forgets every frame.
  mutating func removeAll() {
    end = 0
    open = nil
  }

  /// Starts a frame, with room for headers in front.
  mutating func begin(headerByteCount: Int = 0) {
    precondition(byteCount - end >= Self.frameCapacity, "more frames than the arena was made for")
    // SAFETY: in bounds by the line above; the bytes become zeros before anything reads them.
    unsafe base.advanced(by: end).initializeMemory(as: UInt8.self, repeating: 0, count: headerByteCount)
    open = Frame(offset: end, byteCount: headerByteCount, originalByteCount: headerByteCount)
  }

  /// Adds bytes to the open frame.
  ///
  /// - Complexity: O(number of bytes).
  mutating func append(_ bytes: Span<UInt8>) {
    guard var frame = open else { return }
    let count = min(bytes.count, Self.frameCapacity &- frame.byteCount)
    unsafe bytes.withUnsafeBytes { bytes in
      guard count > 0, let source = bytes.baseAddress else { return }
      // SAFETY: `begin` made sure of a frame's room from `offset` on, and `count` stays inside it.
      unsafe base.advanced(by: frame.offset &+ frame.byteCount).copyMemory(from: source, byteCount: count)
    }
    frame.byteCount &+= count
    frame.originalByteCount &+= bytes.count
    open = frame
  }

  /// Closes the open frame and keeps at most `snaplen` bytes of it.
  mutating func close(snaplen: Int) -> Frame {
    var frame = open ?? Frame(offset: end)
    frame.byteCount = min(frame.byteCount, snaplen)
    end = frame.offset &+ frame.byteCount
    open = nil
    return frame
  }

  /// Closes the open frame and keeps nothing of it.
  mutating func discard() { open = nil }

  /// A frame's bytes, until the arena is next changed.
  @unsafe
  func bytes(of frame: Frame) -> UnsafeRawBufferPointer {
    // SAFETY: frames come from this arena, so they are in bounds and initialised.
    unsafe UnsafeRawBufferPointer(start: base.advanced(by: frame.offset), count: frame.byteCount)
  }

  /// The open frame's bytes from an offset on, to write a header.
  mutating func withOpenBytes(from offset: Int = 0, _ body: (inout MutableSpan<UInt8>) -> Void) {
    guard let frame = open, frame.byteCount >= offset else { return }
    let start = frame.offset &+ offset
    // SAFETY: the bytes of the open frame are in bounds and initialised; the exclusive access makes this the only view.
    let memory = unsafe UnsafeMutableRawBufferPointer(
      start: base.advanced(by: start), count: frame.byteCount &- offset)
    var span = unsafe MutableSpan<UInt8>(_unsafeElements: memory.bindMemory(to: UInt8.self))
    body(&span)
  }
}
