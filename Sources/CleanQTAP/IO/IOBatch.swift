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
    /// How many buffers of the lane this is about.
    let bufferCount: Int
    /// Bytes read or written, an error number below zero, or ``unanswered``.
    var result = IOBatch.unanswered
  }

  static let unanswered = Int32.min

  private let operations: UnsafeMutablePointer<Operation>
  private let capacity: Int
  private let vectors: UnsafeMutablePointer<iovec>
  private let vectorCapacity: Int
  private(set) var count = 0
  private var vectorCount = 0
  /// The writes are the first operations.
  private(set) var writeCount = 0
  private var generation: UInt32 = 0
  /// System calls made, all batches together.
  var systemCallCount: UInt64 = 0
  private(set) var strayAnswerCount: UInt64 = 0

  /// - Parameters:
  ///   - capacity: the most operations.
  ///   - vectorCapacity: the most buffers in gathering writes.
  init(capacity: Int, vectorCapacity: Int) {
    self.capacity = capacity
    self.vectorCapacity = vectorCapacity
    unsafe operations = UnsafeMutablePointer<Operation>.allocate(capacity: capacity)
    unsafe vectors = UnsafeMutablePointer<iovec>.allocate(capacity: vectorCapacity)
  }

  deinit {
    unsafe operations.deallocate()
    unsafe vectors.deallocate()
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
  /// SAFETY: the caller owns so many bytes at the address until the batch is answered.
  @unsafe
  mutating func appendRead(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    let length = UInt32(clamping: byteCount)
    unsafe append(Operation(kind: .read, address: address, count: length, bufferCount: 1))
  }

  /// Asks for a write of one buffer.
  ///
  /// SAFETY: as for a read.
  @unsafe
  mutating func appendWrite(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    let length = UInt32(clamping: byteCount)
    unsafe append(Operation(kind: .write, address: address, count: length, bufferCount: 1))
    writeCount = count
  }

  /// Adds a part of a frame that lies in several buffers.
  ///
  /// SAFETY: as for a read.
  @unsafe
  mutating func appendVector(_ address: UnsafeMutableRawPointer, byteCount: Int) {
    precondition(vectorRoom > 0, "the batch has no room for another part")
    // SAFETY: below the capacity; the type is trivial.
    unsafe vectors.advanced(by: vectorCount).initialize(to: iovec(iov_base: address, iov_len: byteCount))
    vectorCount &+= 1
  }

  /// Asks for a write of the last `bufferCount` parts as one frame.
  mutating func appendGather(bufferCount: Int) {
    precondition(bufferCount > 0 && bufferCount <= vectorCount, "there are not so many parts")
    // SAFETY: the vectors below the count are initialised.
    let first = unsafe UnsafeMutableRawPointer(vectors.advanced(by: vectorCount &- bufferCount))
    unsafe append(
      Operation(kind: .gather, address: first, count: UInt32(bufferCount), bufferCount: bufferCount))
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
      strayAnswerCount &+= 1
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
