internal import CleanQ

// The device reads. § 5.1.6.2 Packet Transmission

extension Virtqueue where Ring: ~Copyable {
  /// Makes packets available from the front of a burst, whole runs only. What was not taken is still in the burst.
  ///
  /// A packet's header goes in front of its first byte, in the same descriptor, where the buffer has that much headroom
  /// (§ 5.1.6.2 with VERSION_1 leaves the layout to the driver). Otherwise it takes a descriptor more.
  mutating func post(_ burst: inout Burst, _ map: borrowing DeviceMap) -> Refusal? {
    let (taken, refusal) = map.table.offer(burst, room: ledger.freeCount, capacity: ledger.size)
    guard taken > 0 else { return refusal }
    let header = VirtioNetHeader.byteCount
    var left = taken
    while left > 0 {
      // A packet before this one may have taken more ids than it has buffers.
      let isPlain = ledger.freeCount > 0 && burst[0].flags.contains(.last) && burst[0].headroom >= header
      if isPlain, burst[0].validByteCount <= Int(UInt32.max) &- header, let buffer = burst.popFirst() {
        postPlain(buffer, map)
        left &-= 1
        continue
      }
      let count = postChain(&burst, map)
      if count == 0 {
        publish()
        return runNeverFits(burst) ? .incompleteRun : .full
      }
      left &-= count
    }
    publish()
    return refusal
  }

  /// A packet in one buffer with room for its header: one descriptor.
  @inline(__always)
  private mutating func postPlain(_ buffer: consuming Buffer, _ map: borrowing DeviceMap) {
    let header = VirtioNetHeader.byteCount
    let id = ledger.takeID()
    // SAFETY: the headroom was compared with the header's length, so these bytes are the buffer's.
    unsafe clearHeader(at: buffer.address - header)
    ring.write(
      address: map.address(buffer.region, offset: buffer.offset &+ buffer.headroom &- header),
      byteCount: UInt32(truncatingIfNeeded: buffer.validByteCount &+ header), marks: 0, id: id, next: 0, head: id)
    ring.endChain(head: id)
    ledger.enter(buffer, id: id, byteCount: 0)
  }

  /// No checksum to complete, no segmentation, no merging: all fields of the header are zero.
  @unsafe
  @inline(__always)
  private func clearHeader(at address: UnsafeMutableRawPointer) {
    // SAFETY: the caller's; a header has 12 bytes.
    let front = unsafe address.loadUnaligned(as: UInt64.self)
    let back = unsafe (address + 8).loadUnaligned(as: UInt32.self)
    // A packet that goes back in the buffer that it came in has such a header already, most of the time. Left alone, the
    // line stays in both sides' caches.
    if front | UInt64(back) != 0 {
      unsafe address.storeBytes(of: 0, as: UInt64.self)
      unsafe (address + 8).storeBytes(of: 0, as: UInt32.self)
    }
  }

  private func needsBareHeader(_ burst: borrowing Burst) -> Bool {
    burst[0].headroom < VirtioNetHeader.byteCount
      || burst[0].validByteCount > Int(UInt32.max) - VirtioNetHeader.byteCount
  }

  private func runLength(_ burst: borrowing Burst) -> Int {
    var count = 1
    while count < burst.count, !burst[count - 1].flags.contains(.last) { count += 1 }
    return count
  }

  private func runNeverFits(_ burst: borrowing Burst) -> Bool {
    runLength(burst) + (needsBareHeader(burst) ? 1 : 0) > ledger.size
  }

  /// Makes the first run of a burst available as one chain; a buffer without valid bytes goes along without a descriptor.
  ///
  /// - Returns: how many buffers it has; 0 where it needs more descriptors than are free.
  private mutating func postChain(_ burst: inout Burst, _ map: borrowing DeviceMap) -> Int {
    let count = runLength(burst)
    let isBare = needsBareHeader(burst)
    guard count + (isBare ? 1 : 0) <= ledger.freeCount else { return 0 }
    let header = VirtioNetHeader.byteCount
    let head = ledger.takeID()
    var last = head
    var waiting: (address: UInt64, byteCount: UInt32, id: UInt16)
    var ringCount = 1
    if isBare {
      waiting = (area.blankAddress, UInt32(header), head)
    } else {
      // SAFETY: there is that much headroom.
      unsafe clearHeader(at: burst[0].address - header)
      waiting = (
        map.address(burst[0].region, offset: burst[0].offset + burst[0].headroom - header),
        UInt32(burst[0].validByteCount + header), head
      )
    }
    for index in 0..<count {
      guard let buffer = burst.popFirst() else { break }
      var id = head
      if isBare || index > 0 {
        id = ledger.takeID()
        ledger.link(last, to: id)
        last = id
        if buffer.validByteCount > 0 {
          // A descriptor is written when it is known which one follows it.
          ring.write(
            address: waiting.address, byteCount: waiting.byteCount, marks: DescriptorMark.next, id: waiting.id,
            next: id, head: head)
          waiting = (
            map.address(buffer.region, offset: buffer.offset + buffer.headroom), UInt32(buffer.validByteCount), id
          )
          ringCount += 1
        }
      }
      ledger.enterPart(buffer, id: id)
    }
    ring.write(
      address: waiting.address, byteCount: waiting.byteCount, marks: 0, id: waiting.id, next: 0, head: head)
    ring.endChain(head: head)
    ledger.enterHead(head, descriptorCount: count + (isBare ? 1 : 0), ringCount: ringCount, isBare: isBare)
    return count
  }

  /// Appends the buffers of packets that the device has read, as many as are there and fit.
  mutating func reap(into burst: inout Burst) {
    burst.append(contentsOf: &parting)
    var budget = burst.room
    var isFirst = true
    while burst.room > 0, let chain = nextChain(&budget) {
      if isFirst { prefetchUsed(budget) }
      isFirst = false
      if chain.isSingle {
        burst.append(ledger.takeSingle(chain.head))
      } else {
        ledger.takeChain(chain.head, into: &parting)
        while burst.room > 0, let buffer = parting.popFirst() { burst.append(buffer) }
      }
    }
    if !isFirst { ring.prefetchFree(min(ledger.freeCount, Burst.capacity)) }
  }
}
