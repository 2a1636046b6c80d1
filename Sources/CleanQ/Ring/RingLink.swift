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

  init(_ channel: RingChannel, end: RingEnd, lane: Int) {
    let outward = end == .first ? lane : lane + 1
    let inward = end == .first ? lane + 1 : lane
    producer = RingProducer(channel.lanes[outward])
    consumer = RingConsumer(channel.lanes[inward])
    unsafe table = channel.table
    unsafe balance = channel.balance(of: end).values
  }

  /// Adds to this end's balance. Only this end writes it, so a load and a store do.
  @inlinable
  func add(bytes: Int, buffers: Int, slot: Int) {
    // SAFETY: the slot is that of a registered region, hence inside the table.
    let byteValue = unsafe balance[2 &* slot].load(ordering: .relaxed)
    unsafe balance[2 &* slot].store(byteValue &+ bytes, ordering: .relaxed)
    let bufferValue = unsafe balance[2 &* slot &+ 1].load(ordering: .relaxed)
    unsafe balance[2 &* slot &+ 1].store(bufferValue &+ buffers, ordering: .relaxed)
  }

  /// Always inlined: out of line, the buffer would go through memory in pieces of two sizes, which stalls the processor.
  @inlinable
  @inline(__always)
  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard unsafe table.pointee.contains(buffer.region) else { return Refused(buffer, .unknownRegion) }
    guard buffer.flags.contains(.last) else { return Refused(buffer, .incompleteRun) }
    guard !producer.memory.isClosed.load(ordering: .relaxed) else { return Refused(buffer, .closed) }
    guard producer.freeCount(wanted: 1) > 0 else { return Refused(buffer, .full) }
    let descriptor = buffer.intoDescriptor()
    add(bytes: Int(descriptor.byteCount), buffers: 1, slot: descriptor.region.slot)
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
    let fitting = min(free, wanted)
    var known = 0
    while known < fitting, unsafe table.pointee.contains(burst[known].region) { known &+= 1 }
    // Whole runs only: back to the last buffer that ends one.
    var taken = known
    while taken > 0, !burst[taken &- 1].flags.contains(.last) { taken &-= 1 }
    for index in 0..<taken {
      let descriptor = burst[index].name
      add(bytes: Int(descriptor.byteCount), buffers: 1, slot: descriptor.region.slot)
      producer.write(descriptor, at: UInt32(truncatingIfNeeded: index))
    }
    // The ring owns these now: the burst forgets them before the consumer can see them.
    burst.forgetFirst(taken)
    producer.publish(UInt32(truncatingIfNeeded: taken))
    if taken == wanted { return nil }
    if known < fitting { return .unknownRegion }
    return fitting == wanted || free == Int(producer.slotCount) && taken == 0 ? .incompleteRun : .full
  }

  /// Turns what came through the ring into a buffer.
  @inlinable
  func take(_ descriptor: Descriptor) -> Buffer {
    // SAFETY: the other end consumed the buffer when it enqueued the descriptor, and each descriptor is read once.
    let result = unsafe table.pointee.buffer(descriptor)
    switch consume result {
    case .success(let buffer):
      add(bytes: -Int(descriptor.byteCount), buffers: -1, slot: descriptor.region.slot)
      return buffer
    case .failure(let fault):
      // Both ends are in this process and went through the checks above: somebody wrote over the ring's memory.
      preconditionFailure("a ring was overwritten: \(descriptor) is \(fault)")
    }
  }

  @inlinable
  mutating func dequeue() -> Buffer? {
    guard let descriptor = consumer.next() else { return nil }
    return take(descriptor)
  }

  @inlinable
  mutating func dequeue(into burst: inout Burst) {
    let room = UInt32(truncatingIfNeeded: burst.room)
    let count = min(consumer.availableCount(wanted: room), room)
    guard count > 0 else { return }
    for index in 0..<count { burst.append(take(consumer.read(at: index))) }
    consumer.publish(count)
  }

  /// Whether the other end has handed something over that is not yet taken.
  @inlinable
  mutating func hasArrivals() -> Bool { consumer.availableCount(wanted: 1) > 0 }
}
