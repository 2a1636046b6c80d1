internal import CPlatform
public import Synchronization

/// One end of a pair of rings: what is enqueued here the other end dequeues, and the reverse. The checks of the contract
/// are made here; ``RingQueue`` is one link, ``RingPort`` two that share their regions.
@safe
@frozen
@usableFromInline
struct RingLink: ~Copyable, @unchecked Sendable {
  @usableFromInline var producer: RingProducer
  @usableFromInline var consumer: RingConsumer
  @usableFromInline let table: UnsafeMutablePointer<RegionTable>
  @usableFromInline let balance: UnsafeMutablePointer<Atomic<Int>>
  @usableFromInline let notes: UnsafeMutablePointer<AwayNote>

  init(_ channel: RingChannel, end: RingEnd, lane: Int) {
    let outward = end == .first ? lane : lane + 1
    let inward = end == .first ? lane + 1 : lane
    producer = RingProducer(channel.lanes[outward])
    consumer = RingConsumer(channel.lanes[inward])
    unsafe table = channel.table
    unsafe balance = channel.balance(of: end).values
    unsafe notes = channel.balance(of: end).notes
  }

  /// Adds to this end's balance. Only this end writes it, so a load and a store do.
  @inlinable
  func add(_ change: Int, slot: Int) {
    // SAFETY: the slot is that of a registered region, hence inside the table.
    let value = unsafe balance[slot].load(ordering: .relaxed)
    unsafe balance[slot].store(value &+ change, ordering: .relaxed)
  }

  /// Why buffers of a region would not be taken, however much room there is.
  @inlinable
  func refusal(of region: RegionID) -> Refusal? {
    guard !producer.memory.isClosed.load(ordering: .relaxed) else { return .closed }
    return unsafe table.pointee.contains(region) ? nil : .unknownRegion
  }

  /// Always inlined: out of line, the buffer would go through memory in pieces of two sizes, which stalls the processor.
  @inlinable
  @inline(__always)
  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard !producer.memory.isClosed.load(ordering: .relaxed) else { return Refused(buffer, .closed) }
    guard unsafe table.pointee.contains(buffer.region) else { return Refused(buffer, .unknownRegion) }
    guard producer.freeCount(wanted: 1) > 0 else { return Refused(buffer, .full) }
    guard buffer.flags.contains(.last) else { return Refused(buffer, .incompleteRun) }
    let descriptor = buffer.intoDescriptor()
    add(RingBalance.step(byteCount: descriptor.byteCount), slot: descriptor.region.slot)
    producer.write(descriptor, at: 0)
    producer.publish(1)
    return nil
  }

  @inlinable
  mutating func enqueue(_ burst: inout Burst) -> Refusal? {
    let wanted = burst.count
    guard wanted > 0 else { return nil }
    guard !producer.memory.isClosed.load(ordering: .relaxed) else { return .closed }
    let free = Int(producer.freeCount(wanted: UInt32(truncatingIfNeeded: wanted)))
    let (taken, refusal) = unsafe table.pointee.offer(burst, room: free, capacity: Int(producer.slotCount))
    // Neighbours are mostly of one region: their sum is formed in a register and added once.
    var slot = taken > 0 ? burst[0].region.slot : 0
    var sum = 0
    for index in 0..<taken {
      let descriptor = burst[index].descriptor
      if descriptor.region.slot != slot {
        add(sum, slot: slot)
        (slot, sum) = (descriptor.region.slot, 0)
      }
      sum &+= RingBalance.step(byteCount: descriptor.byteCount)
      producer.write(descriptor, at: UInt32(truncatingIfNeeded: index))
    }
    add(sum, slot: slot)
    // The ring owns these now: the burst forgets them before the consumer can see them.
    burst.forgetFirst(taken)
    producer.publish(UInt32(truncatingIfNeeded: taken))
    return refusal
  }

  /// Turns what came through the ring into a buffer, of which the region's entry and note have been looked up.
  @inlinable
  @inline(__always)
  func take(_ descriptor: Descriptor, _ entry: RegionTable.Entry, _ note: AwayNote) -> Buffer {
    // SAFETY: the other end consumed the buffer when it enqueued the descriptor, and each descriptor is read once.
    let result = unsafe entry.buffer(own: descriptor, note)
    switch consume result {
    case .success(let buffer):
      return buffer
    case .failure(let fault):
      // Both ends are in this process and went through the checks above: somebody wrote over the ring's memory.
      preconditionFailure("a ring was overwritten: \(descriptor) is \(fault)")
    }
  }

  @inlinable
  @inline(__always)
  mutating func dequeue() -> Buffer? {
    guard let descriptor = consumer.next() else { return nil }
    let slot = descriptor.region.slot
    add(0 &- RingBalance.step(byteCount: descriptor.byteCount), slot: slot)
    // SAFETY: the slot is that of a registered region, hence inside the table.
    return unsafe take(descriptor, table.pointee.entry(of: descriptor.region), notes[slot])
  }

  @inlinable
  mutating func dequeue(into burst: inout Burst) {
    let room = UInt32(truncatingIfNeeded: burst.room)
    let count = min(consumer.availableCount(wanted: room), room)
    guard count > 0 else { return }
    var region = consumer.read(at: 0).region
    var entry = unsafe table.pointee.entry(of: region)
    // SAFETY, here and below: the slot is that of a registered region, hence inside the table.
    var note = unsafe notes[region.slot]
    var sum = 0
    for index in 0..<count {
      let descriptor = consumer.read(at: index)
      if descriptor.region != region {
        add(sum, slot: region.slot)
        (region, sum) = (descriptor.region, 0)
        entry = unsafe table.pointee.entry(of: region)
        note = unsafe notes[region.slot]
      }
      sum &-= RingBalance.step(byteCount: descriptor.byteCount)
      burst.place(take(descriptor, entry, note), at: Int(index))
    }
    burst.adopt(Int(count))
    add(sum, slot: region.slot)
    consumer.publish(count)
  }

  /// Whether the other end has handed something over that is not yet taken.
  @inlinable
  mutating func hasArrivals() -> Bool { consumer.availableCount(wanted: 1) > 0 }

  /// Whether one of the ends has gone.
  var isClosed: Bool { consumer.memory.isClosed.load(ordering: .acquiring) }

  /// Whether the other end has gone and all that it handed over is taken.
  var isExhausted: Bool { isClosed && consumer.memory.count == 0 }
}
