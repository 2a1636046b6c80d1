internal import CleanQ
internal import Synchronization

/// How a virtqueue is used. Agreed on with the device, or the driver's own.
struct VirtqueueSettings: Sendable {
  var size: Int
  /// The device writes: a receive queue. Else it reads: a transmit queue.
  var isWritable: Bool
  var usesEventIndex = false
  /// VIRTIO_F_IN_ORDER. § 2.7.9, § 2.8.9
  var isInOrder = false
}

/// One virtqueue of a network device: buffers go in, the device uses them, they come out.
///
/// The ring is memory that the device can write; the ledger is not. What comes out is what the ledger says, and the
/// device's word for it is checked first: each lie is counted (``VirtqueueFaults``), and none costs a buffer. After
/// one that leaves no way to tell where the device is, the queue is ``isBroken`` and gives nothing more before it was reset.
///
/// Thread-confined; may be sent.
struct Virtqueue<Ring: VirtqueueRing>: ~Copyable, Sendable {
  var ring: Ring
  var ledger: VirtqueueLedger
  let area: VirtqueueArea
  let settings: VirtqueueSettings
  var faults = VirtqueueFaults()
  /// The device said something from which only a reset helps.
  private(set) var isBroken = false
  /// Whether something was published of which the device was not yet told.
  private var isUnannounced = false
  /// Used buffers that did not fit where they were wanted: the rest of a chain, or packets of which parts are missing.
  var parting = Burst()
  /// Notifications sent to the device.
  private(set) var kickCount: UInt64 = 0

  // In order only. Ids are given out in the order of the table then, so the chain behind `oldest` begins right behind it.
  /// The head of the oldest chain that is with the device.
  private var oldest: UInt16 = 0
  /// Chains that the device has used and that were not taken yet.
  private var batchCount = 0
  /// What it wrote to the last of them; the others it filled. § 2.7.9
  private var batchByteCount: UInt32 = 0

  /// - Parameter memory: where the rings go, in a slot of so many bytes.
  init(_ memory: VirtqueueMemory, slotByteCount: Int, _ settings: VirtqueueSettings) throws(VirtioError) {
    area = try VirtqueueArea(memory, size: settings.size, isPacked: Ring.isPacked, slotByteCount: slotByteCount)
    ring = Ring(area, usesEventIndex: settings.usesEventIndex)
    ledger = VirtqueueLedger(size: settings.size)
    self.settings = settings
    ring.disableCalls()
  }

  /// One chain that the device has used, after every check.
  struct UsedChain {
    var head: UInt16
    /// How many bytes the device wrote; nil where it said more than it was given.
    var byteCount: UInt32?
    /// How many bytes it was given to write to.
    var isSingle: Bool
  }

  /// Takes the buffers of usual chains, as many as there are and fit, to the end of a burst: chains of one buffer, of which the
  /// device says what it should. It ends at the first that is not like that, which ``nextChain(_:)`` looks at.
  ///
  /// - Parameter prepare: gets each with the bytes that the device wrote to it.
  /// - Returns: how many.
  @inline(__always)
  mutating func takeUsual(into burst: inout Burst, _ prepare: (inout Buffer, UInt32) -> Void) -> Int {
    let count = batchCount > 0 ? endBatch(burst.room) : isBroken ? 0 : endUsual(burst.room)
    ledger.chains.takeEnded(count, to: &burst, prepare)
    return count
  }

  /// - Returns: how many chains have ended.
  @inline(never)
  private mutating func endUsual(_ room: Int) -> Int {
    var (ring, chains, oldest) = (self.ring, ledger.chains, self.oldest)
    let (isInOrder, isWritable) = (settings.isInOrder, settings.isWritable)
    var count = 0
    while count < room, case .element(let id, let byteCount) = ring.nextUsed(outstanding: chains.chainCount),
      let entry = chains.entry(id), entry.isSingle, !isInOrder || id == UInt32(oldest),
      byteCount <= entry.byteCount || !isWritable
    {
      ring.pass(chainCount: 1, descriptorCount: 1)
      oldest = chains.id(1, behind: oldest)
      chains.endSingle(UInt16(truncatingIfNeeded: id), byteCount)
      count &+= 1
    }
    (self.ring, ledger.chains, self.oldest) = (ring, chains, oldest)
    return count
  }

  /// The same of a batch: the device has filled each but the last. § 2.7.9
  @inline(never)
  private mutating func endBatch(_ room: Int) -> Int {
    var (chains, oldest) = (ledger.chains, self.oldest)
    let most = min(room, batchCount &- 1)
    var count = 0
    while count < most, let entry = chains.entry(UInt32(oldest)), entry.isSingle {
      chains.endSingle(oldest, entry.byteCount)
      oldest = chains.id(1, behind: oldest)
      count &+= 1
    }
    (ledger.chains, self.oldest) = (chains, oldest)
    batchCount &-= count
    return count
  }

  /// The next chain that the device has used, or nil. The caller takes it out of the ledger.
  ///
  /// - Parameter budget: how many elements may be looked at; counts down. A device that floods gets no more per call.
  @inline(__always)
  mutating func nextChain(_ budget: inout Int) -> UsedChain? {
    if batchCount > 0 { return nextOfBatch() }
    while budget > 0, !isBroken {
      budget &-= 1
      switch ring.nextUsed(outstanding: ledger.chains.chainCount) {
      case .none: return nil
      case .indexJump: return giveUp()
      case .element(let id, let byteCount):
        guard let entry = ledger.chains.entry(id), entry.isHead else {
          refuse(id)
          continue
        }
        if settings.isInOrder {
          if id == UInt32(oldest) {
            oldest = ledger.chains.id(entry.descriptorCount, behind: oldest)
            ring.pass(chainCount: 1, descriptorCount: entry.ringCount)
            return checked(UInt16(truncatingIfNeeded: id), byteCount, entry)
          }
          guard beginBatch(endingWith: UInt16(truncatingIfNeeded: id), byteCount) else { return nil }
          return nextOfBatch()
        }
        ring.pass(chainCount: 1, descriptorCount: entry.ringCount)
        return checked(UInt16(truncatingIfNeeded: id), byteCount, entry)
      }
    }
    return nil
  }

  @inline(__always)
  private mutating func checked(_ head: UInt16, _ byteCount: UInt32, _ entry: VirtqueueChains.Entry) -> UsedChain {
    let isSingle = entry.isSingle
    // What a device says to have written where it may not write means nothing: some say 0, some the packet's length.
    guard byteCount <= entry.byteCount || !settings.isWritable else {
      faults.tooLong &+= 1
      return UsedChain(head: head, byteCount: nil, isSingle: isSingle)
    }
    return UsedChain(head: head, byteCount: byteCount, isSingle: isSingle)
  }

  /// The element names nothing that is with the device.
  private mutating func refuse(_ id: UInt32) {
    if ledger.chains.entry(id) == nil { faults.badID &+= 1 } else { faults.notInFlight &+= 1 }
    // In a packed ring the next element's place depends on how long this chain was.
    if Ring.isPacked { isBroken = true } else { ring.pass(chainCount: 1, descriptorCount: 1) }
  }

  private mutating func giveUp() -> UsedChain? {
    faults.indexJump &+= 1
    isBroken = true
    return nil
  }

  /// One element stands for all chains up to its own. § 2.7.9, § 2.8.9
  ///
  /// - Complexity: O(1) where all chains have one descriptor, else O(number of chains in the batch).
  private mutating func beginBatch(endingWith last: UInt16, _ byteCount: UInt32) -> Bool {
    guard let (chainCount, descriptorCount) = batch(endingWith: last) else {
      // It is with the device, and not as the head of a chain that is in order.
      faults.notInFlight &+= 1
      isBroken = true
      return false
    }
    ring.pass(chainCount: chainCount, descriptorCount: descriptorCount)
    (batchCount, batchByteCount) = (chainCount, byteCount)
    return true
  }

  /// How many chains, and descriptors of the ring, there are from the oldest to this one; nil where it is not one of them.
  private func batch(endingWith last: UInt16) -> (chainCount: Int, descriptorCount: Int)? {
    if ledger.chains.areAllSingle {
      let count = ledger.chains.distance(from: oldest, to: last) &+ 1
      return count <= ledger.chains.chainCount ? (count, count) : nil
    }
    var (head, chainCount, descriptorCount) = (oldest, 0, 0)
    while chainCount < ledger.chains.chainCount, let entry = ledger.chains.entry(UInt32(head)), entry.isHead {
      chainCount &+= 1
      descriptorCount &+= entry.ringCount
      if head == last { return (chainCount, descriptorCount) }
      head = ledger.chains.id(entry.descriptorCount, behind: head)
    }
    return nil
  }

  private mutating func nextOfBatch() -> UsedChain? {
    let head = oldest
    guard let entry = ledger.chains.entry(UInt32(head)), entry.isHead else { return nil }
    oldest = ledger.chains.id(entry.descriptorCount, behind: head)
    batchCount &-= 1
    return checked(head, batchCount == 0 ? batchByteCount : entry.byteCount, entry)
  }

  /// One element is there: asks for the memory of those behind it, which the device has written, as many as are wanted.
  @inline(__always)
  mutating func prefetchUsed(_ count: Int) { ring.prefetchUsed(min(count, ledger.chains.chainCount) &- 1) }

  /// Whether there is something to take.
  @inline(__always)
  mutating func hasUsed() -> Bool {
    if batchCount > 0 { return true }
    guard !isBroken else { return false }
    if case .none = ring.nextUsed(outstanding: ledger.chains.chainCount) { return false }
    return true
  }

  /// Publishes what was posted.
  @inline(__always)
  mutating func publish() {
    ring.publish()
    isUnannounced = true
  }

  /// Tells the device of what was published, where it wants to know.
  ///
  /// - Complexity: nothing where nothing was published since the last call; else a fence and a load.
  @inline(__always)
  mutating func notify(_ notifier: VirtqueueNotifier) {
    guard isUnannounced else { return }
    isUnannounced = false
    // Pairs with the fence that the device puts between asking for notifications and looking at the ring again: either
    // it sees what was published, or this sees that it asked. § 2.7.13.4, § 2.8.21.3
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard ring.wantsKick() else { return }
    kickCount &+= 1
    notifier.notify()
  }

  /// Asks for a notification. The caller puts a full fence behind it and then asks ``hasUsed()``.
  mutating func enableCalls() { ring.enableCalls() }

  mutating func disableCalls() { ring.disableCalls() }
}
