internal import CleanQ

// The device reads. § 5.1.6.2 Packet Transmission

extension Virtqueue {
  /// Makes packets available from the front of a burst, whole runs only. What was not taken is still in the burst.
  ///
  /// A packet's header goes in front of its first byte, in the same descriptor, where the buffer has that much headroom
  /// (§ 5.1.6.2 with VERSION_1 leaves the layout to the driver). Otherwise it takes a descriptor more.
  ///
  /// Stops in front of a packet with the flag `.recorded`.
  ///
  /// - Parameter tally: counts what was taken.
  mutating func post(_ burst: inout Burst, _ map: borrowing DeviceMap, _ tally: inout StageReport.Tally) -> Refusal? {
    guard !burst.isEmpty else { return nil }
    let freeCount = ledger.chains.freeCount
    // All of them, almost always.
    while !burst.isEmpty, map.table.contains(burst[0].region), postPlain(&burst, burst.count, map, &tally) > 0 {}
    let refusal = burst.isEmpty ? nil : postAny(&burst, map, &tally)
    if ledger.chains.freeCount < freeCount { publish() }
    return refusal
  }

  /// The long way: whatever a burst has, as far as it is to be taken.
  private mutating func postAny(
    _ burst: inout Burst, _ map: borrowing DeviceMap, _ tally: inout StageReport.Tally
  ) -> Refusal? {
    var (left, refusal) = map.table.offer(burst, room: ledger.chains.freeCount, capacity: ledger.chains.size)
    while left > 0 {
      var count = postPlain(&burst, left, map, &tally)
      // Whether it may be sent is the port's to say.
      if count == 0, burst[0].flags.contains(.recorded) { return nil }
      if count == 0 { count = postChain(&burst, map, &tally) }
      // A packet before this one may have taken more ids than it has buffers.
      guard count > 0 else { return runNeverFits(burst) ? .incompleteChain : .full }
      left &-= count
    }
    return refusal
  }

  /// Makes packets from the front available that lie side by side and belong to one region, which the device can reach, each
  /// in one buffer with room for its header.
  ///
  /// - Returns: how many.
  private mutating func postPlain(
    _ burst: inout Burst, _ limit: Int, _ map: borrowing DeviceMap, _ tally: inout StageReport.Tally
  ) -> Int {
    let (count, byteCount) = describePlain(burst.contiguousSpan(from: 0, to: min(limit, ledger.chains.freeCount)), map)
    ledger.chains.enter(count, of: &burst) { _ in 0 }
    tally.add(packetCount: count, byteCount: byteCount)
    return count
  }

  /// Writes headers and a descriptor for each, under the ids that are free; they are entered next. A function of its own, so that
  /// all it needs stays in registers.
  ///
  /// - Returns: how many are of the first one's region, and plain; and the bytes of these packets.
  @inline(never)
  private mutating func describePlain(_ buffers: consuming MutableSpan<Buffer>, _ map: borrowing DeviceMap) -> (
    count: Int, byteCount: Int
  ) {
    guard buffers.count > 0 else { return (0, 0) }
    let header = VirtioNetHeader.byteCount
    var ring = self.ring
    let chains = ledger.chains
    let region = buffers[0].region
    let base = map.base(region)
    var (count, byteCount) = (0, 0)
    while count < buffers.count, buffers[count].region == region,
      buffers[count].flags.intersection([.last, .recorded]) == .last,
      Self.hasRoomForHeader(buffers[count])
    {
      let id = chains.freeID(count)
      // SAFETY: the headroom was compared with the header's length, so these bytes are the buffer's.
      unsafe Self.clearHeader(at: buffers[count].address - header)
      let valid = buffers[count].validByteCount
      ring.write(
        address: base &+ UInt64(truncatingIfNeeded: buffers[count].offset &+ buffers[count].headroom &- header),
        byteCount: UInt32(truncatingIfNeeded: valid &+ header), marks: 0, id: id, next: 0, head: id)
      ring.endChain(head: id)
      byteCount &+= valid
      count &+= 1
    }
    self.ring = ring
    return (count, byteCount)
  }

  @inline(__always)
  private static func hasRoomForHeader(_ buffer: borrowing Buffer) -> Bool {
    buffer.headroom >= VirtioNetHeader.byteCount
      && buffer.validByteCount <= Int(UInt32.max) &- VirtioNetHeader.byteCount
  }

  /// No checksum to complete, no segmentation, no merging: all fields of the header are zero.
  @unsafe
  @inline(__always)
  private static func clearHeader(at address: UnsafeMutableRawPointer) {
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

  private func runLength(_ burst: borrowing Burst) -> Int {
    var count = 1
    while count < burst.count, !burst[count - 1].flags.contains(.last) { count += 1 }
    return count
  }

  private func runNeverFits(_ burst: borrowing Burst) -> Bool {
    runLength(burst) + (Self.hasRoomForHeader(burst[0]) ? 0 : 1) > ledger.chains.size
  }

  /// Makes the first run of a burst available as one chain; a buffer without valid bytes goes along without a descriptor.
  ///
  /// - Returns: how many buffers it has; 0 where it needs more descriptors than are free.
  private mutating func postChain(
    _ burst: inout Burst, _ map: borrowing DeviceMap, _ tally: inout StageReport.Tally
  ) -> Int {
    let count = runLength(burst)
    let isBare = !Self.hasRoomForHeader(burst[0])
    guard count + (isBare ? 1 : 0) <= ledger.chains.freeCount else { return 0 }
    let header = VirtioNetHeader.byteCount
    let head = ledger.chains.takeID()
    var last = head
    var waiting: (address: UInt64, byteCount: UInt32, id: UInt16)
    var ringCount = 1
    if isBare {
      waiting = (area.blankAddress, UInt32(header), head)
    } else {
      // SAFETY: there is that much headroom.
      unsafe Self.clearHeader(at: burst[0].address - header)
      waiting = (
        map.address(burst[0].region, offset: burst[0].offset + burst[0].headroom - header),
        UInt32(burst[0].validByteCount + header), head
      )
    }
    for index in 0..<count {
      guard let buffer = burst.popFirst() else { break }
      tally.bytes &+= UInt64(truncatingIfNeeded: buffer.validByteCount)
      var id = head
      if isBare || index > 0 {
        id = ledger.chains.takeID()
        ledger.chains.link(last, to: id)
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
      ledger.chains.enterPart(buffer, id: id)
    }
    ring.write(
      address: waiting.address, byteCount: waiting.byteCount, marks: 0, id: waiting.id, next: 0, head: head)
    ring.endChain(head: head)
    ledger.chains.enterHead(head, descriptorCount: count + (isBare ? 1 : 0), ringCount: ringCount, isBare: isBare)
    tally.packets &+= 1
    return count
  }

  /// Appends the buffers of packets that the device has read, as many as are there and fit.
  mutating func reap(into burst: inout Burst) {
    burst.append(contentsOf: &parting)
    guard burst.room > 0, hasUsed() else { return }
    prefetchUsed(burst.room)
    var budget = burst.room
    while true {
      budget &-= takeFast(into: &burst) { _, _ in }
      guard burst.room > 0, let chain = nextChain(&budget) else { break }
      if chain.isSingle {
        ledger.chains.endSingle(chain.head, 0)
        ledger.chains.takeEnded(1, to: &burst) { _, _ in }
      } else {
        ledger.chains.takeChain(chain.head, into: &parting)
        while burst.room > 0, let buffer = parting.popFirst() { burst.append(buffer) }
      }
    }
    ring.prefetchFree(min(ledger.chains.freeCount, Burst.capacity))
  }
}
