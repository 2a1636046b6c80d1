internal import Glibc

/// What the kernel is asked to do at one go: writes, then reads, in order; and what it answered.
///
/// Made once and used again. The kernel's answers come back under a token that is checked against what was asked: an
/// answer to nothing, to an earlier batch, or a second one, is counted and changes nothing.
/// Thread-confined; may be sent.
@safe
struct IOBatch: ~Copyable, @unchecked Sendable {
  enum Kind: UInt8 {
    case read
    case write
    /// A write of several buffers, which are one frame; the address is that of the iovecs.
    case gather
  }

  @safe
  struct Operation {
    let kind: Kind
    let address: UnsafeMutableRawPointer
    /// Bytes, or iovecs of a gathering write.
    let count: UInt32
    /// How many buffers of the lane this is about, and how many frames they are.
    let bufferCount: Int
    let frameCount: Int
    /// Bytes read or written, an error number below zero, or ``unanswered``.
    var result = IOBatch.unanswered
  }

  static let unanswered = Int32.min

  private let operations: UnsafeMutablePointer<Operation>
  private let capacity: Int
  private let vectors: UnsafeMutablePointer<iovec>
  private let vectorCapacity: Int
  /// A place for the headers of each operation, one that is always zero, and one for what nobody wants.
  private let headers: UnsafeMutablePointer<UInt8>
  private static let headerStride = 64
  private(set) var count = 0
  private var vectorCount = 0
  /// The writes are the first operations.
  private(set) var writeCount = 0
  private var generation: UInt32 = 0
  /// System calls made, all batches together.
  var systemCallCount: UInt64 = 0
  private(set) var unexpectedAnswerCount: UInt64 = 0

  /// - Parameters:
  ///   - capacity: the most operations.
  ///   - vectorCapacity: the most buffers in gathering writes.
  init(capacity: Int, vectorCapacity: Int) {
    self.capacity = capacity
    self.vectorCapacity = vectorCapacity
    unsafe operations = UnsafeMutablePointer<Operation>.allocate(capacity: capacity)
    unsafe vectors = UnsafeMutablePointer<iovec>.allocate(capacity: vectorCapacity)
    unsafe headers = UnsafeMutablePointer<UInt8>.allocate(capacity: (capacity + 2) * Self.headerStride)
    unsafe headers.initialize(repeating: 0, count: (capacity + 2) * Self.headerStride)
  }

  deinit {
    unsafe operations.deallocate()
    unsafe vectors.deallocate()
    unsafe headers.deallocate()
  }

  var room: Int { capacity &- count }
  var vectorRoom: Int { vectorCapacity &- vectorCount }

  /// Forgets the last batch; its tokens are stale from now on.
  mutating func begin() {
    count = 0
    writeCount = 0
    vectorCount = 0
    generation &+= 1
  }

  private mutating func append(_ operation: Operation) {
    precondition(room > 0, "the batch is full")
    // SAFETY: below the capacity; the type is trivial.
    unsafe operations.advanced(by: count).initialize(to: operation)
    count &+= 1
  }

  /// Asks for a read.
  ///
  /// SAFETY: the caller owns this number of bytes at the address until the batch is answered.
  @unsafe
  mutating func appendRead(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    let length = UInt32(clamping: byteCount)
    unsafe append(Operation(kind: .read, address: address, count: length, bufferCount: 1, frameCount: 1))
  }

  /// Asks for a read of a frame that no buffer has room for: it is cut off, and gone.
  mutating func appendReadOfNothing() {
    // SAFETY: the last place for headers is nobody's.
    unsafe appendRead(headers.advanced(by: (capacity &+ 1) &* Self.headerStride), byteCount: Self.headerStride)
  }

  /// Asks for a write of one buffer.
  ///
  /// SAFETY: as for a read.
  @unsafe
  mutating func appendWrite(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    let length = UInt32(clamping: byteCount)
    unsafe append(Operation(kind: .write, address: address, count: length, bufferCount: 1, frameCount: 1))
    writeCount = count
  }

  /// Adds a part of a frame that is in several buffers.
  ///
  /// SAFETY: as for a read.
  @unsafe
  mutating func appendVector(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    precondition(vectorRoom > 0, "the batch has no room for another part")
    // SAFETY: below the capacity; the type is trivial.
    unsafe vectors.advanced(by: vectorCount).initialize(to: iovec(iov_base: address, iov_len: byteCount))
    vectorCount &+= 1
  }

  /// Adds the header of a driver that asks for nothing, as the first part of a frame.
  mutating func appendPlainHeader(byteCount: Int) {
    precondition(byteCount <= Self.headerStride, "the header is too long")
    // SAFETY: this place stays zero.
    unsafe appendVector(headers.advanced(by: capacity &* Self.headerStride), byteCount: byteCount)
  }

  /// Adds headers that `write` writes, as the first part of the frame that the next write is about.
  mutating func appendHeader(byteCount: Int, _ write: (inout MutableSpan<UInt8>) -> Void) {
    precondition(byteCount <= Self.headerStride && count < capacity, "the header is too long, or the batch full")
    // SAFETY: the place of the next operation, which nothing else uses before the batch is answered.
    let place = unsafe headers.advanced(by: count &* Self.headerStride)
    var bytes = unsafe MutableSpan<UInt8>(_unsafeStart: place, count: byteCount)
    write(&bytes)
    unsafe appendVector(place, byteCount: byteCount)
  }

  /// Asks for a write of the last `vectorCount` parts at one go: `bufferCount` buffers without headers, each a frame.
  mutating func appendGather(vectorCount: Int, bufferCount: Int, frameCount: Int) {
    precondition(vectorCount > 0 && vectorCount <= self.vectorCount, "there are fewer parts")
    // SAFETY: the vectors below the count are initialised.
    let first = unsafe UnsafeMutableRawPointer(vectors.advanced(by: self.vectorCount &- vectorCount))
    unsafe append(
      Operation(
        kind: .gather, address: first, count: UInt32(vectorCount), bufferCount: bufferCount, frameCount: frameCount))
    writeCount = count
  }

  /// An operation of this batch.
  subscript(index: Int) -> Operation {
    precondition(index >= 0 && index < count, "no such operation in the batch")
    // SAFETY: the operations below the count are initialised.
    return unsafe operations[index]
  }

  /// What the kernel is to answer an operation under.
  func token(_ index: Int) -> UInt64 { UInt64(generation) << 32 | UInt64(truncatingIfNeeded: index) }

  /// Takes an answer of the kernel.
  ///
  /// - Returns: false for one that nobody waits for; it is counted and ignored.
  mutating func answer(_ token: UInt64, _ result: Int32) -> Bool {
    let index = Int(token & 0xFFFF_FFFF)
    // SAFETY: the index is compared with the count before it is used.
    guard token >> 32 == UInt64(generation), index < count, unsafe operations[index].result == Self.unanswered else {
      unexpectedAnswerCount &+= 1
      return false
    }
    unsafe operations[index].result = result
    return true
  }

  /// Answers an operation that this process carried out itself.
  mutating func setResult(_ index: Int, _ result: Int32) {
    precondition(index >= 0 && index < count, "no such operation in the batch")
    unsafe operations[index].result = result
  }
}
