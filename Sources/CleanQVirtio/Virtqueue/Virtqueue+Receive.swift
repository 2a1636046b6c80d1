internal import CPlatform
internal import CleanQ

// The device writes. § 5.1.6.3 Setting Up Receive Buffers, § 5.1.6.4 Processing of Incoming Packets

/// Where the device puts packets.
enum ReceiveBuffer {
  /// Bytes in front of a packet in a buffer that is long enough. The header, which mostly stays as it is, has the first cache
  /// line, and a short frame needs no more than the second: only that one goes from one side's cache to the other's and back.
  static let headroom = 64
  /// What is long enough; a shorter buffer has the standard headroom.
  private static var longByteCount: Int { 1024 }

  /// The headroom in a buffer of so many bytes.
  @inline(__always)
  static func headroom(of byteCount: Int) -> Int { byteCount >= longByteCount ? headroom : Buffer.standardHeadroom }
}

extension Virtqueue {
  /// Makes empty buffers available from the front of a burst. Each is reset; the header will lie in its headroom, right in
  /// front of where the packet begins.
  mutating func postEmpty(_ burst: inout Burst, _ map: borrowing DeviceMap) -> Refusal? {
    guard !burst.isEmpty else { return nil }
    let freeCount = ledger.chains.freeCount
    // All of them, almost always.
    while !burst.isEmpty, map.table.contains(burst[0].region), postEmpty(&burst, burst.count, map) > 0 {}
    var refusal: Refusal?
    if !burst.isEmpty {
      var left: Int
      (left, refusal) = map.table.offer(burst, room: ledger.chains.freeCount, capacity: ledger.chains.size)
      while left > 0 { left &-= postEmpty(&burst, left, map, parts: true) }
    }
    if ledger.chains.freeCount < freeCount { publish() }
    return refusal
  }

  /// Makes buffers from the front available that lie side by side and belong to one region, which the device can reach.
  ///
  /// - Parameter parts: whether those are taken that do not end a run.
  /// - Returns: how many.
  @inline(__always)
  @discardableResult
  private mutating func postEmpty(
    _ burst: inout Burst, _ limit: Int, _ map: borrowing DeviceMap, parts: Bool = false
  ) -> Int {
    let count = describeEmpty(burst.contiguousSpan(from: 0, to: min(limit, ledger.chains.freeCount)), map, parts: parts)
    ledger.chains.enter(count, of: &burst) { UInt32(truncatingIfNeeded: $0.byteCount &- Self.headerStart($0)) }
    return count
  }

  /// Clears the buffers and writes a descriptor for each, under the ids that are free; they are entered next. A function of its
  /// own, so that all it needs stays in registers.
  ///
  /// - Returns: how many are of the first one's region, and whole.
  @inline(never)
  private mutating func describeEmpty(
    _ buffers: consuming MutableSpan<Buffer>, _ map: borrowing DeviceMap, parts: Bool
  ) -> Int {
    var ring = self.ring
    let chains = ledger.chains
    var count = 0
    guard buffers.count > 0 else { return 0 }
    let region = buffers[0].region
    let base = map.base(region)
    while count < buffers.count, buffers[count].region == region, parts || buffers[count].flags.contains(.last) {
      buffers[count].reset(headroom: ReceiveBuffer.headroom(of: buffers[count].byteCount))
      let start = Self.headerStart(buffers[count])
      let id = chains.freeID(count)
      ring.write(
        address: base &+ UInt64(truncatingIfNeeded: buffers[count].offset &+ start),
        byteCount: UInt32(truncatingIfNeeded: buffers[count].byteCount &- start), marks: DescriptorMark.write, id: id,
        next: 0, head: id)
      ring.endChain(head: id)
      count &+= 1
    }
    self.ring = ring
    return count
  }

  /// Where the header begins in an empty buffer, or one that was filled.
  @inline(__always)
  private static func headerStart(_ buffer: borrowing Buffer) -> Int {
    max(0, buffer.headroom &- VirtioNetHeader.byteCount)
  }

  /// Appends buffers that the device has written to a burst, as many as are there and fit. Their valid part is what the
  /// device says that it wrote, header included, and in bounds; where it said too much, nothing.
  mutating func reapFilled(into burst: inout Burst) {
    guard burst.room > 0, hasUsed() else { return }
    prefetchUsed(burst.room)
    var budget = burst.room
    while true {
      budget &-= takeFast(into: &burst, Self.expose)
      guard burst.room > 0, let chain = nextChain(&budget) else { return }
      ledger.chains.endSingle(chain.head, chain.byteCount ?? 0)
      ledger.chains.takeEnded(1, to: &burst, Self.expose)
    }
  }

  /// Makes what the device wrote the valid part.
  @inline(__always)
  private static func expose(_ buffer: inout Buffer, _ byteCount: UInt32) {
    let start = headerStart(buffer)
    // In bounds: the count was compared with that of the descriptor, which began at `start`.
    _ = buffer.setValid(offset: start, byteCount: Int(byteCount))
    // SAFETY: hints, for which any address will do. Header and frame were written by another processor and are wanted
    // soon; the frame's first lines will be changed, and so will the metadata.
    unsafe cplatform_prefetch_read(buffer.address)
    unsafe cplatform_prefetch_write(buffer.address + VirtioNetHeader.byteCount)
    unsafe cplatform_prefetch_write(buffer.metadata)
  }
}
