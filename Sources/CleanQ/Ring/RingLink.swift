public import Synchronization

/// One end of a pair of rings: what is enqueued here the other end dequeues, and the reverse. The checks of the contract
/// are made here; ``RingQueue`` is one link, ``RingPort`` two that share their regions. This is the short way, of buffers of
/// the primary region that there is room for; any other buffer takes the slow path, in `RingLink+SlowPath`.
@safe
@frozen
@usableFromInline
struct RingLink: ~Copyable, @unchecked Sendable {
  @usableFromInline var producer: RingProducer
  @usableFromInline var consumer: RingConsumer
  @usableFromInline let table: UnsafeMutablePointer<RegionTable>
  @usableFromInline let primary: UnsafeMutablePointer<PrimaryRegion>
  @usableFromInline let accounts: UnsafeMutablePointer<RingAccount>
  @usableFromInline let deregistration: DeregistrationLock

  init(_ channel: RingChannel, end: RingEnd, lane: Int) {
    let outward = end == .first ? lane : lane + 1
    let inward = end == .first ? lane + 1 : lane
    producer = RingProducer(channel.lanes[outward])
    consumer = RingConsumer(channel.lanes[inward])
    unsafe table = channel.table
    unsafe primary = channel.balance(of: end).primary
    unsafe accounts = channel.balance(of: end).accounts
    deregistration = channel.deregistration
  }

  /// Why buffers of a region would not be taken, however much room there is.
  @inlinable
  func refusal(of region: RegionID) -> Refusal? {
    guard !producer.memory.isClosed.load(ordering: .relaxed) else { return .closed }
    return unsafe table.pointee.contains(region) ? nil : .unknownRegion
  }

  /// Adds to what this end enqueued of the primary region. Only this end writes it, so a load and a store do.
  @inlinable
  @inline(__always)
  func countHanded(byteCount: Int, bufferCount: Int) {
    let bytes = unsafe primary.pointee.handedByteCount.load(ordering: .relaxed)
    unsafe primary.pointee.handedByteCount.store(bytes &+ byteCount, ordering: .relaxed)
    let buffers = unsafe primary.pointee.handedBufferCount.load(ordering: .relaxed)
    unsafe primary.pointee.handedBufferCount.store(buffers &+ bufferCount, ordering: .relaxed)
  }

  @inlinable
  @inline(__always)
  func countTaken(byteCount: Int, bufferCount: Int) {
    let bytes = unsafe primary.pointee.takenByteCount.load(ordering: .relaxed)
    unsafe primary.pointee.takenByteCount.store(bytes &+ byteCount, ordering: .relaxed)
    let buffers = unsafe primary.pointee.takenBufferCount.load(ordering: .relaxed)
    unsafe primary.pointee.takenBufferCount.store(buffers &+ bufferCount, ordering: .relaxed)
  }

  /// Always inlined: out of line, the buffer would go through memory in pieces of two sizes, which stalls the processor.
  @inlinable
  @inline(__always)
  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard _fastPath(unsafe primary.pointee.takes(buffer.descriptor) && producer.hasRoom()) else {
      let base = unsafe buffer.base
      return unsafe enqueueSlow(base, buffer.intoDescriptor())
    }
    var descriptor = buffer.intoDescriptor()
    countHanded(byteCount: Int(descriptor.byteCount), bufferCount: 1)
    // It has the note that is common here, and has none on its way.
    unsafe descriptor.content ^= primary.pointee.expected.load(ordering: .relaxed)
    producer.write(descriptor, at: 0)
    producer.publish(1)
    return nil
  }

  @inlinable
  mutating func enqueue(_ burst: inout Burst) -> Refusal? {
    let count = burst.count
    guard count > 0 else { return nil }
    // The last of all ends a run, so whole runs are all that there is.
    guard producer.freeCount(wanted: UInt32(truncatingIfNeeded: count)) >= count,
      burst[count &- 1].flags.contains(.last), let byteCount = writeFast(burst)
    else { return enqueueSlow(&burst) }
    countHanded(byteCount: byteCount, bufferCount: count)
    // The ring owns these now: the burst forgets them before the consumer can see them.
    burst.forgetFirst(count)
    producer.publish(UInt32(truncatingIfNeeded: count))
    return nil
  }

  /// Writes all buffers of a burst, for which there is room, into slots that are not yet published.
  ///
  /// - Returns: their bytes; nil where one is not of the primary region, or has not got the note that is common here.
  @inlinable
  @inline(__always)
  func writeFast(_ burst: borrowing Burst) -> Int? {
    let count = burst.count
    // Acquire; pairs with the release in `PrimaryRegion.open`: a thread that sees the id sees the notes.
    let region = unsafe primary.pointee.id.load(ordering: .acquiring)
    let expected = unsafe DescriptorHalves.Half(0, primary.pointee.expected.load(ordering: .relaxed))
    var byteCount = DescriptorHalves.Half.zero
    // Of the note nothing must be left in any of them.
    var bits = DescriptorHalves.Half.zero
    var done = 0
    while done < count {
      let (source, sources) = unsafe burst.places(from: done)
      let (target, targets) = unsafe producer.contiguousSpan(from: UInt32(truncatingIfNeeded: done))
      let stretch = min(count &- done, sources, targets)
      var place = unsafe UnsafeMutableRawPointer(source) + Buffer.descriptorOffset
      var slot = unsafe target
      let end = unsafe target + stretch
      let pairsEnd = unsafe target + (stretch & ~1)
      // SAFETY: the span is inside the initialised part of the burst, and inside the free slots.
      // Two at a time: of the steps for one, a quarter are the loop's own.
      while unsafe slot != pairsEnd {
        let first = unsafe DescriptorHalves(at: place).flipping(expected)
        let second = unsafe DescriptorHalves(at: place + MemoryLayout<Buffer>.stride).flipping(expected)
        guard _fastPath(first.region == region && second.region == region) else { return nil }
        byteCount &+= first.byteCount
        byteCount &+= second.byteCount
        first.collect(into: &bits)
        second.collect(into: &bits)
        unsafe first.store(to: slot)
        unsafe second.store(to: slot + 1)
        unsafe place += 2 * MemoryLayout<Buffer>.stride
        unsafe slot += 2
      }
      if unsafe slot != end {
        let descriptor = unsafe DescriptorHalves(at: place).flipping(expected)
        guard _fastPath(descriptor.region == region) else { return nil }
        byteCount &+= descriptor.byteCount
        descriptor.collect(into: &bits)
        unsafe descriptor.store(to: slot)
      }
      done &+= stretch
    }
    guard unsafe _fastPath(bits[1] & (primary.pointee.mask.load(ordering: .relaxed) & ~PrimaryRegion.last) == 0) else {
      return nil
    }
    return Int(truncatingIfNeeded: byteCount[0])
  }

  @inlinable
  @inline(__always)
  mutating func dequeue() -> Buffer? {
    guard consumer.availableCount(wanted: 1) > 0 else { return nil }
    let descriptor = consumer.read(at: 0)
    guard unsafe _fastPath(primary.pointee.id.load(ordering: .relaxed) == descriptor.region.rawValue) else {
      return dequeueSlow()
    }
    consumer.publish(1)
    countTaken(byteCount: Int(descriptor.byteCount), bufferCount: 1)
    return unsafe takeFast(descriptor)
  }

  /// Whether a descriptor of the primary region is in bounds. It always is; debug builds look.
  @inlinable
  func isSound(_ descriptor: Descriptor) -> Bool {
    unsafe descriptor.faultOfOwn(regionByteCount: primary.pointee.byteCount) == nil
  }

  /// Turns a descriptor of the primary region into its buffer.
  ///
  /// SAFETY: it came out of a buffer, which the other end consumed when it enqueued it, and it is read once. So it is in bounds:
  /// nothing but `enqueue` writes the slots, and no buffer can be made or changed to be otherwise.
  @unsafe
  @inlinable
  @inline(__always)
  func takeFast(_ descriptor: Descriptor) -> Buffer {
    assert(isSound(descriptor))
    let expected = unsafe primary.pointee.expected.load(ordering: .relaxed)
    return unsafe Buffer(base: primary.pointee.base, descriptor: descriptor.taken(with: expected))
  }

  @inlinable
  mutating func dequeue(into burst: inout Burst) {
    let room = UInt32(truncatingIfNeeded: burst.room)
    let count = Int(min(consumer.availableCount(wanted: room), room))
    guard count > 0 else { return }
    // All that the loop needs of the region, so that it stays in registers.
    let region = unsafe primary.pointee.id.load(ordering: .relaxed)
    let base = unsafe primary.pointee.base
    let note = unsafe DescriptorHalves.Half(0, primary.pointee.expected.load(ordering: .relaxed))
    var byteCount = DescriptorHalves.Half.zero
    var done = 0
    reading: while done < count {
      let (source, sources) = unsafe consumer.contiguousSpan(from: UInt32(truncatingIfNeeded: done))
      let (target, targets) = unsafe burst.freePlaces(from: done)
      let stretch = min(count &- done, sources, targets)
      var slot = unsafe source
      var place = unsafe target
      var left = stretch
      // SAFETY: the span is inside the published slots, and inside the free part of the burst; ``takeFast(_:)`` says why a
      // descriptor there is sound.
      while left > 1 {
        let first = unsafe DescriptorHalves(at: slot)
        let second = unsafe DescriptorHalves(at: slot + 1)
        guard _fastPath(first.region == region && second.region == region) else { break }
        unsafe assert(isSound(slot[0]) && isSound(slot[1]))
        byteCount &+= first.byteCount
        byteCount &+= second.byteCount
        unsafe Buffer.initialize(at: place, base: base, first.setting(note))
        unsafe Buffer.initialize(at: place + 1, base: base, second.setting(note))
        unsafe slot += 2
        unsafe place += 2
        left &-= 2
      }
      // The last of an odd number, or one in front of which the other of its pair is of another region.
      while left > 0 {
        let descriptor = unsafe DescriptorHalves(at: slot)
        guard _fastPath(descriptor.region == region) else {
          done &+= stretch &- left
          break reading
        }
        unsafe assert(isSound(slot.pointee))
        byteCount &+= descriptor.byteCount
        unsafe Buffer.initialize(at: place, base: base, descriptor.setting(note))
        unsafe slot += 1
        unsafe place += 1
        left &-= 1
      }
      done &+= stretch
    }
    burst.adopt(done)
    countTaken(byteCount: Int(truncatingIfNeeded: byteCount[0]), bufferCount: done)
    consumer.publish(UInt32(truncatingIfNeeded: done))
    if done < count { dequeueSlow(into: &burst, count &- done) }
  }

  /// Whether the other end has handed something over that is not yet taken.
  @inlinable
  mutating func hasArrivals() -> Bool { consumer.availableCount(wanted: 1) > 0 }

  /// Whether one of the ends has gone.
  var isClosed: Bool { consumer.memory.isClosed.load(ordering: .acquiring) }

  /// Says that this end hands nothing more over.
  func end() {
    // Releases the buffers before it; pairs with the acquire in isEnded.
    producer.memory.isEnded.store(true, ordering: .releasing)
  }

  /// Whether the other end has said that it hands nothing more over.
  var isEnded: Bool { consumer.memory.isEnded.load(ordering: .acquiring) }

  /// Whether the other end has closed or ended, and all that it enqueued is taken.
  var isExhausted: Bool { (isEnded || isClosed) && consumer.memory.count == 0 }
}
