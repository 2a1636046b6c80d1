internal import CleanQ

/// Which descriptor ids of a virtqueue are with the device, with which buffers, in which chains; and which are free.
///
/// Everything that the device says is checked against this, and nothing here is ever read from shared memory. Ids that are
/// free are given out in the order in which they came back, so with a device that uses buffers in order each id keeps its
/// place in the ring for ever.
///
/// A plain value of addresses and counts, so that a loop over a burst can work on a copy in registers and put that back at its
/// end. The memory, and the buffers in it, belong to the ``VirtqueueLedger``.
@safe
struct VirtqueueChains: BitwiseCopyable, @unchecked Sendable {
  /// One descriptor id. Without gaps, so that a new one is stored as two words.
  struct Entry: BitwiseCopyable {
    /// Of the head of a chain that is with the device: how many descriptors it has, in the low byte; above it 1 where it carries
    /// a header only and no buffer; above that how many descriptors were written, one less for each buffer without
    /// valid bytes. Else 0.
    private var shape: UInt32 = 0
    /// The next id of the chain.
    var next: UInt32 = 0
    /// Of the head: how many bytes the device may write to the chain.
    private(set) var byteCount: UInt32 = 0
    /// Of the head: counts up with each chain modulo 2³², so that what comes home at once comes in order.
    private(set) var sequence: UInt32 = 0

    init() {}

    /// The head of a chain of one buffer.
    init(byteCount: UInt32, sequence: UInt32) {
      (shape, self.byteCount, self.sequence) = (Self.single, byteCount, sequence)
    }

    /// Makes it the head of a chain that the device only reads.
    mutating func begin(descriptorCount: Int, ringCount: Int, isBare: Bool, sequence: UInt32) {
      shape = UInt32(UInt8(descriptorCount)) | (isBare ? 1 : 0) << 8 | UInt32(UInt8(ringCount)) << 16
      (byteCount, self.sequence) = (0, sequence)
    }

    /// The chain has come back.
    ///
    /// - Parameter byteCount: what the device wrote.
    mutating func end(_ byteCount: UInt32 = 0) { (shape, self.byteCount) = (0, byteCount) }

    private static var single: UInt32 { 0x0001_0001 }

    /// The head of a chain that is with the device.
    var isHead: Bool { shape != 0 }
    /// The same, of one descriptor with one buffer.
    var isSingle: Bool { shape == Self.single }
    var descriptorCount: Int { Int(UInt8(truncatingIfNeeded: shape)) }
    var bareCount: Int { Int(UInt8(truncatingIfNeeded: shape >> 8)) }
    var ringCount: Int { Int(UInt8(truncatingIfNeeded: shape >> 16)) }
  }

  /// All that is known of one descriptor, in one cache line; the buffer comes first.
  private struct Place {
    static var byteCount: Int { 64 }
    static var entry: Int { 40 }
    static var free: Int { 56 }
  }

  private let places: UnsafeMutableRawPointer
  let size: Int
  private let mask: Int
  private var freeHead = 0
  /// Ids that are free.
  private(set) var freeCount: Int
  /// Chains that are with the device.
  private(set) var chainCount = 0
  private var sequence: UInt32 = 0

  init(size: Int) {
    self.size = size
    mask = size - 1
    freeCount = size
    unsafe places = .allocate(byteCount: Place.byteCount * size, alignment: Place.byteCount)
    for id in 0..<size { unsafe entry(id).initialize(to: Entry()) }
    freeAll()
  }

  /// Frees the memory, whose buffers have been taken.
  func deallocate() { unsafe places.deallocate() }

  // SAFETY, for all that follows: an index is below the size.

  /// The buffer of an id, which is initialised exactly while the id is in a chain that is counted and has one.
  @inline(__always)
  func buffer(_ id: Int) -> UnsafeMutablePointer<Buffer> {
    unsafe (places + Place.byteCount &* id).assumingMemoryBound(to: Buffer.self)
  }

  @inline(__always)
  func entry(_ id: Int) -> UnsafeMutablePointer<Entry> {
    unsafe (places + (Place.byteCount &* id &+ Place.entry)).assumingMemoryBound(to: Entry.self)
  }

  /// A place of the ring of free ids.
  @inline(__always)
  private func free(_ index: Int) -> UnsafeMutablePointer<UInt16> {
    unsafe (places + (Place.byteCount &* index &+ Place.free)).assumingMemoryBound(to: UInt16.self)
  }

  /// Nothing is with the device any more.
  mutating func freeAll() {
    chainCount = 0
    freeHead = 0
    freeCount = size
    for id in 0..<size {
      unsafe free(id).initialize(to: UInt16(id))
      unsafe entry(id).pointee.end()
    }
  }

  // Ids come from the ring of free ones, or were compared with the size first.

  /// Whether each chain that is with the device has one descriptor.
  @inline(__always)
  var areAllSingle: Bool { freeCount &+ chainCount == size }

  /// The id that is `count` places behind another one. In order, ids are given out in the order of the table.
  @inline(__always)
  func id(_ count: Int, behind id: UInt16) -> UInt16 { UInt16(truncatingIfNeeded: (Int(id) &+ count) & mask) }

  @inline(__always)
  func distance(from first: UInt16, to last: UInt16) -> Int { (Int(last) &- Int(first)) & mask }

  /// Takes the oldest free id. The caller has asked ``freeCount``.
  @inline(__always)
  mutating func takeID() -> UInt16 {
    let id = unsafe free(freeHead).pointee
    freeHead = (freeHead &+ 1) & mask
    freeCount &-= 1
    return id
  }

  @inline(__always)
  private mutating func giveID(_ id: UInt16) {
    unsafe free((freeHead &+ freeCount) & mask).pointee = id
    freeCount &+= 1
  }

  /// The `index`-th of the free ids, oldest first.
  @inline(__always)
  func freeID(_ index: Int) -> UInt16 { unsafe free((freeHead &+ index) & mask).pointee }

  /// Enters the first buffers of a burst as chains of one buffer each, under the first free ids.
  ///
  /// - Parameter room: how many bytes the device may write to a buffer.
  /// - Complexity: O(`count`).
  @inline(__always)
  mutating func enter(_ count: Int, of burst: inout Burst, room: (borrowing Buffer) -> UInt32) {
    var entered = 0
    while entered < count, let buffer = burst.popFirst() {
      let id = Int(freeID(entered))
      unsafe entry(id).pointee = Entry(
        byteCount: room(buffer), sequence: sequence &+ UInt32(truncatingIfNeeded: entered))
      unsafe self.buffer(id).initialize(to: buffer)
      entered &+= 1
    }
    freeHead = (freeHead &+ entered) & mask
    freeCount &-= entered
    chainCount &+= entered
    sequence &+= UInt32(truncatingIfNeeded: entered)
  }

  /// Enters a buffer as part of a chain, whose head is entered by ``enterHead(_:descriptorCount:ringCount:isBare:)``.
  func enterPart(_ buffer: consuming Buffer, id: UInt16) {
    unsafe self.buffer(Int(id)).initialize(to: buffer)
  }

  func link(_ id: UInt16, to next: UInt16) { unsafe entry(Int(id)).pointee.next = UInt32(next) }

  mutating func enterHead(_ id: UInt16, descriptorCount: Int, ringCount: Int, isBare: Bool) {
    unsafe entry(Int(id)).pointee.begin(
      descriptorCount: descriptorCount, ringCount: ringCount, isBare: isBare, sequence: sequence)
    sequence &+= 1
    chainCount &+= 1
  }

  /// What is known of an id that the device names; nil where the queue has no such id.
  @inline(__always)
  func entry(_ id: UInt32) -> Entry? {
    guard id < UInt32(truncatingIfNeeded: size) else { return nil }
    return unsafe entry(Int(id)).pointee
  }

  /// A chain of one buffer has come back. The caller takes the buffer with ``takeEnded(_:to:_:)`` before anything else.
  @inline(__always)
  mutating func endSingle(_ head: UInt16, _ byteCount: UInt32) {
    unsafe entry(Int(head)).pointee.end(byteCount)
    chainCount &-= 1
    giveID(head)
  }

  /// Takes the buffers of the last `count` chains that came back to the end of a burst, which has room for them.
  ///
  /// - Parameter prepare: gets each with the bytes that the device wrote to it.
  /// - Complexity: O(`count`).
  @inline(__always)
  func takeEnded(_ count: Int, to burst: inout Burst, _ prepare: (inout Buffer, UInt32) -> Void) {
    let first = freeCount &- count
    for index in 0..<count {
      let id = Int(freeID(first &+ index))
      var buffer = unsafe buffer(id).move()
      prepare(&buffer, unsafe entry(id).pointee.byteCount)
      burst.append(buffer)
    }
  }

  /// Takes the buffers of a chain to the end of a burst that has room for them.
  mutating func takeChain(_ head: UInt16, into burst: inout Burst) {
    let head = Int(head)
    let first = unsafe entry(head).pointee
    var id = head
    for index in 0..<first.descriptorCount {
      let next = unsafe entry(id).pointee.next
      if index >= first.bareCount { unsafe burst.append(buffer(id).move()) }
      giveID(UInt16(truncatingIfNeeded: id))
      id = Int(next)
    }
    unsafe entry(head).pointee.end()
    chainCount &-= 1
  }
}
