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
struct Virtqueue<Ring: VirtqueueRing & ~Copyable>: ~Copyable, Sendable {
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

  /// The next chain that the device has used, or nil. The caller takes it out of the ledger.
  ///
  /// - Parameter budget: how many elements may be looked at; counts down. A device that floods gets no more per call.
  @inline(__always)
  mutating func nextChain(_ budget: inout Int) -> UsedChain? {
    if batchCount > 0 { return nextOfBatch() }
    while budget > 0, !isBroken {
      budget &-= 1
      switch ring.nextUsed(outstanding: ledger.chainCount) {
      case .none: return nil
      case .indexJump: return giveUp()
      case .element(let id, let byteCount):
        guard let entry = ledger.entry(id), entry.descriptorCount > 0 else {
          refuse(id)
          continue
        }
        if settings.isInOrder {
          if id == UInt32(oldest) {
            oldest = following(oldest, entry)
            ring.pass(chainCount: 1, descriptorCount: Int(entry.ringCount))
            return checked(UInt16(truncatingIfNeeded: id), byteCount, entry)
          }
          guard beginBatch(endingWith: UInt16(truncatingIfNeeded: id), byteCount) else { return nil }
          return nextOfBatch()
        }
        ring.pass(chainCount: 1, descriptorCount: Int(entry.ringCount))
        return checked(UInt16(truncatingIfNeeded: id), byteCount, entry)
      }
    }
    return nil
  }

  @inline(__always)
  private mutating func checked(_ head: UInt16, _ byteCount: UInt32, _ entry: VirtqueueLedger.Entry) -> UsedChain {
    let isSingle = entry.descriptorCount == 1 && entry.bareCount == 0
    // What a device says to have written where it may not write means nothing: some say 0, some the packet's length.
    guard byteCount <= entry.byteCount || !settings.isWritable else {
      faults.tooLong &+= 1
      return UsedChain(head: head, byteCount: nil, isSingle: isSingle)
    }
    return UsedChain(head: head, byteCount: byteCount, isSingle: isSingle)
  }

  /// The element names nothing that is with the device.
  private mutating func refuse(_ id: UInt32) {
    if ledger.entry(id) == nil { faults.badID &+= 1 } else { faults.notInFlight &+= 1 }
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
  /// - Complexity: O(number of chains in the batch), of which each is then taken.
  private mutating func beginBatch(endingWith last: UInt16, _ byteCount: UInt32) -> Bool {
    var head = oldest
    var chains = 0
    var descriptors = 0
    while chains < ledger.chainCount, let entry = ledger.entry(UInt32(head)), entry.descriptorCount > 0 {
      chains &+= 1
      descriptors &+= Int(entry.ringCount)
      if head == last {
        ring.pass(chainCount: chains, descriptorCount: descriptors)
        batchCount = chains
        batchByteCount = byteCount
        return true
      }
      head = following(head, entry)
    }
    // It is with the device, and not as the head of a chain that is in order.
    faults.notInFlight &+= 1
    isBroken = true
    return false
  }

  @inline(__always)
  private func following(_ head: UInt16, _ entry: VirtqueueLedger.Entry) -> UInt16 {
    (head &+ UInt16(entry.descriptorCount)) & UInt16(truncatingIfNeeded: settings.size &- 1)
  }

  private mutating func nextOfBatch() -> UsedChain? {
    let head = oldest
    guard let entry = ledger.entry(UInt32(head)), entry.descriptorCount > 0 else { return nil }
    oldest = following(head, entry)
    batchCount &-= 1
    return checked(head, batchCount == 0 ? batchByteCount : entry.byteCount, entry)
  }

  /// One element of a burst was there: asks for the memory of the others, which the device has written.
  @inline(__always)
  mutating func prefetchUsed(_ budget: Int) { ring.prefetchUsed(min(budget, ledger.chainCount &- 1)) }

  /// Whether there is something to take.
  mutating func hasUsed() -> Bool {
    if batchCount > 0 { return true }
    guard !isBroken else { return false }
    if case .none = ring.nextUsed(outstanding: ledger.chainCount) { return false }
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
