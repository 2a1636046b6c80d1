internal import CleanQ

/// What is with the device, in private memory: which descriptor ids are out, with which buffers, in which chains.
///
/// Everything that the device says is checked against this, and nothing here is ever read from shared memory. Ids that are
/// free are given out in the order in which they came back, so with a device that uses buffers in order each id keeps its
/// place in the ring for ever.
@safe
struct VirtqueueLedger: ~Copyable, @unchecked Sendable {
  /// One descriptor id. Without gaps, so that a new one is stored as two words.
  struct Entry: BitwiseCopyable {
    /// Of the head of a chain that is with the device: how many descriptors it has. Else 0.
    var descriptorCount: UInt8 = 0
    /// Of the head: 1 where it carries a header only, and no buffer.
    var bareCount: UInt8 = 0
    /// Of the head: how many descriptors were written; one less for each buffer without valid bytes.
    var ringCount: UInt8 = 0
    private var gap: UInt8 = 0
    /// The next id of the chain.
    var next: UInt16 = 0
    private var secondGap: UInt16 = 0
    /// Of the head: how many bytes the device may write to the chain.
    var byteCount: UInt32 = 0
    /// Of the head: counts up with each chain modulo 2³², so that what comes home at once comes in order.
    var sequence: UInt32 = 0

    init() {}

    /// The head of a chain of one buffer.
    init(byteCount: UInt32, sequence: UInt32) {
      (descriptorCount, ringCount) = (1, 1)
      (self.byteCount, self.sequence) = (byteCount, sequence)
    }
  }

  private let buffers: UnsafeMutablePointer<Buffer>
  private let entries: UnsafeMutablePointer<Entry>
  private let free: UnsafeMutablePointer<UInt16>
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
    unsafe buffers = .allocate(capacity: size)
    unsafe entries = .allocate(capacity: size)
    unsafe entries.initialize(repeating: Entry(), count: size)
    unsafe free = .allocate(capacity: size)
    for id in 0..<size { unsafe free[id] = UInt16(id) }
  }

  deinit {
    // SAFETY: `heads` are the chains whose buffers are initialised; the memory is this value's own.
    for head in heads {
      forEachBuffer(of: head) { unsafe buffers.advanced(by: $0).move().release() }
    }
    unsafe buffers.deallocate()
    unsafe entries.deallocate()
    unsafe free.deallocate()
  }

  // SAFETY, for all that follows: ids come from `free`, whose entries are below `size`, or were compared with `size` first;
  // a buffer is initialised exactly while its id is in a chain that is counted.

  /// Takes the oldest free id. The caller has asked ``freeCount``.
  @inline(__always)
  mutating func takeID() -> UInt16 {
    let id = unsafe free[freeHead]
    freeHead = (freeHead &+ 1) & mask
    freeCount &-= 1
    return id
  }

  @inline(__always)
  mutating func giveID(_ id: UInt16) {
    unsafe free[(freeHead &+ freeCount) & mask] = id
    freeCount &+= 1
  }

  /// Enters a chain of one buffer.
  @inline(__always)
  mutating func enter(_ buffer: consuming Buffer, id: UInt16, byteCount: UInt32) {
    unsafe buffers.advanced(by: Int(id)).initialize(to: buffer)
    unsafe entries[Int(id)] = Entry(byteCount: byteCount, sequence: sequence)
    sequence &+= 1
    chainCount &+= 1
  }

  /// Enters a buffer as part of a chain, whose head is entered by ``enterHead(_:descriptorCount:ringCount:isBare:)``.
  mutating func enterPart(_ buffer: consuming Buffer, id: UInt16) {
    unsafe buffers.advanced(by: Int(id)).initialize(to: buffer)
  }

  mutating func link(_ id: UInt16, to next: UInt16) { unsafe entries[Int(id)].next = next }

  mutating func enterHead(_ id: UInt16, descriptorCount: Int, ringCount: Int, isBare: Bool) {
    unsafe entries[Int(id)].descriptorCount = UInt8(descriptorCount)
    unsafe entries[Int(id)].ringCount = UInt8(ringCount)
    unsafe entries[Int(id)].bareCount = isBare ? 1 : 0
    unsafe entries[Int(id)].byteCount = 0
    unsafe entries[Int(id)].sequence = sequence
    sequence &+= 1
    chainCount &+= 1
  }

  /// What is known of an id; nil where the queue has no such id.
  @inline(__always)
  func entry(_ id: UInt32) -> Entry? {
    guard id < UInt32(truncatingIfNeeded: size) else { return nil }
    return unsafe entries[Int(id)]
  }

  /// Takes the only buffer of a chain.
  @inline(__always)
  mutating func takeSingle(_ head: UInt16) -> Buffer {
    let buffer = unsafe buffers.advanced(by: Int(head)).move()
    unsafe entries[Int(head)].descriptorCount = 0
    chainCount &-= 1
    giveID(head)
    return buffer
  }

  /// Takes the buffers of a chain to the end of a burst that has room for them.
  mutating func takeChain(_ head: UInt16, into burst: inout Burst) {
    let entry = unsafe entries[Int(head)]
    var id = head
    for index in 0..<entry.descriptorCount {
      let next = unsafe entries[Int(id)].next
      if index >= entry.bareCount { unsafe burst.append(buffers.advanced(by: Int(id)).move()) }
      giveID(id)
      id = next
    }
    unsafe entries[Int(head)].descriptorCount = 0
    chainCount &-= 1
  }
}

extension VirtqueueLedger {
  /// Calls with the index of each buffer of a chain, in order.
  private func forEachBuffer(of head: UInt16, _ body: (Int) -> Void) {
    let entry = unsafe entries[Int(head)]
    var id = head
    for index in 0..<entry.descriptorCount {
      let next = unsafe entries[Int(id)].next
      if index >= entry.bareCount { body(Int(id)) }
      id = next
    }
  }

  /// The chains that are with the device, oldest first.
  ///
  /// - Complexity: O(n log n) in the size: not for the data path.
  private var heads: [UInt16] {
    (0..<size).filter { unsafe entries[$0].descriptorCount > 0 }
      .sorted { unsafe Int32(bitPattern: entries[$0].sequence &- entries[$1].sequence) < 0 }.map { UInt16($0) }
  }

  /// Takes every buffer that is with the device, which has let go of the queue, oldest first; all ids are free again.
  mutating func takeAll(_ body: (consuming Buffer) -> Void) {
    for head in heads {
      forEachBuffer(of: head) { body(unsafe buffers.advanced(by: $0).move()) }
      unsafe entries[Int(head)].descriptorCount = 0
    }
    chainCount = 0
    freeHead = 0
    freeCount = size
    for id in 0..<size { unsafe free[id] = UInt16(id) }
  }

  /// Adds what is with the device to a census.
  func add(to census: inout Census) {
    for head in heads {
      forEachBuffer(of: head) {
        unsafe census.atPeerByteCount += buffers[$0].byteCount
        census.atPeerBufferCount += 1
      }
    }
  }

  /// Bytes of one region that are with the device.
  func byteCount(of region: RegionID) -> Int {
    var sum = 0
    for head in heads {
      forEachBuffer(of: head) { if unsafe buffers[$0].region == region { unsafe sum += buffers[$0].byteCount } }
    }
    return sum
  }
}
