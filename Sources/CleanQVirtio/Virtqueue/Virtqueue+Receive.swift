internal import CPlatform
internal import CleanQ

// The device writes. § 5.1.6.3 Setting Up Receive Buffers, § 5.1.6.4 Processing of Incoming Packets

/// Where the device puts packets.
enum ReceiveBuffer {
  /// Bytes in front of a packet in a buffer that is long enough. The annotation, which the device never touches, has the first
  /// cache line, the header, which mostly stays as it is, the second, and a short frame needs no more than the third:
  /// only that one goes from one side's cache to the other's and back.
  static let headroom = 128
  /// What is long enough; a shorter buffer has the standard headroom.
  static let longByteCount = 1024
}

extension Virtqueue where Ring: ~Copyable {
  /// Makes empty buffers available from the front of a burst. Each is reset; the header will lie in its headroom, right in
  /// front of where the packet begins.
  mutating func postEmpty(_ burst: inout Burst, _ map: borrowing DeviceMap) -> Refusal? {
    let (taken, refusal) = map.table.offer(burst, room: ledger.freeCount, capacity: ledger.size)
    guard taken > 0 else { return refusal }
    for _ in 0..<taken {
      guard let buffer = burst.popFirst() else { break }
      postEmpty(buffer, map)
    }
    publish()
    return refusal
  }

  /// The caller has seen that an id is free, and publishes.
  @inline(__always)
  mutating func postEmpty(_ buffer: consuming Buffer, _ map: borrowing DeviceMap) {
    var start = ReceiveBuffer.headroom &- VirtioNetHeader.byteCount
    if buffer.byteCount >= ReceiveBuffer.longByteCount {
      _ = buffer.setValid(offset: ReceiveBuffer.headroom, byteCount: 0)
      buffer.flags = .last
    } else {
      buffer.reset()
      start = max(0, buffer.headroom &- VirtioNetHeader.byteCount)
    }
    let byteCount = UInt32(truncatingIfNeeded: buffer.byteCount &- start)
    let id = ledger.takeID()
    ring.write(
      address: map.address(buffer.region, offset: buffer.offset &+ start), byteCount: byteCount,
      marks: DescriptorMark.write, id: id, next: 0, head: id)
    ring.endChain(head: id)
    ledger.enter(buffer, id: id, byteCount: byteCount)
  }

  /// Appends buffers that the device has written to a burst, as many as are there and fit. Their valid part is what the
  /// device says that it wrote, header included, and in bounds; where it said too much, nothing.
  mutating func reapFilled(into burst: inout Burst) {
    var budget = burst.room
    var isFirst = true
    while burst.room > 0, let chain = nextChain(&budget) {
      if isFirst { prefetchUsed(budget) }
      isFirst = false
      var buffer = ledger.takeSingle(chain.head)
      let start = max(0, buffer.headroom &- VirtioNetHeader.byteCount)
      // In bounds: the count was compared with that of the descriptor, which began at `start`.
      _ = buffer.setValid(offset: start, byteCount: Int(chain.byteCount ?? 0))
      // SAFETY: hints, for which any address will do. Header and frame were written by another processor and are wanted
      // soon; the frame's first lines will be changed, and so will the annotation at the buffer's start.
      unsafe cplatform_prefetch_read(buffer.address)
      unsafe cplatform_prefetch_write(buffer.address + VirtioNetHeader.byteCount)
      unsafe cplatform_prefetch_write(buffer.address - start)
      burst.append(buffer)
    }
  }
}
