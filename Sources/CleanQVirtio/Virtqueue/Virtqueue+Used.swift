internal import CleanQ

// What the device says that it has used is compared with the private account, one element at a time.

extension Virtqueue {
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

  /// One chain that the device has used, after every check.
  struct UsedChain {
    var head: UInt16
    /// How many bytes the device wrote; nil where it said more than it was given.
    var byteCount: UInt32?
    /// Whether it is one descriptor with one buffer.
    var isSingle: Bool
  }

  /// Takes the buffers of usual chains, as many as there are and fit, to the end of a burst: chains of one buffer, of which the
  /// device says what it should. It ends at the first that is not like that, which ``nextChain(_:)`` looks at.
  ///
  /// - Parameter prepare: gets each with the bytes that the device wrote to it.
  /// - Returns: how many.
  @inline(__always)
  mutating func takeFast(into burst: inout Burst, _ prepare: (inout Buffer, UInt32) -> Void) -> Int {
    let count = batchCount > 0 ? endBatch(burst.room) : isBroken ? 0 : endFast(burst.room)
    ledger.chains.takeEnded(count, to: &burst, prepare)
    return count
  }

  /// - Returns: how many chains have ended.
  @inline(never)
  private mutating func endFast(_ room: Int) -> Int {
    var (ring, chains, oldest) = (self.ring, ledger.chains, self.oldest)
    let (isInOrder, isWritable) = (settings.isInOrder, settings.isWritable)
    var count = 0
    while count < room, case .element(let id, let byteCount) = ring.nextUsed(outstanding: chains.chainCount),
      let entry = chains.entry(id), entry.isSingle, !isInOrder || id == UInt32(oldest),
      byteCount &- 1 < entry.byteCount || !isWritable
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

  /// The next chain that the device has used, whatever it looks like, or nil. The caller takes it out of the ledger.
  ///
  /// - Parameter budget: how many elements may be looked at; counts down. A device that floods gets no more per call.
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

  private mutating func checked(_ head: UInt16, _ byteCount: UInt32, _ entry: VirtqueueChains.Entry) -> UsedChain {
    let isSingle = entry.isSingle
    // What a device says to have written where it may not write means nothing: some say 0, some the packet's length.
    guard byteCount &- 1 < entry.byteCount || !settings.isWritable else {
      if byteCount == 0 { faults.empty &+= 1 } else { faults.tooLong &+= 1 }
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
}
