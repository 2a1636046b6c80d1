internal import Synchronization

// The long way of buffers through a ring: of whatever region, and as many as there is room for. It makes every check of the
// contract by itself, and is where each refusal comes from.

extension RingLink {
  /// Adds to this end's balance of the region in a slot. Only this end writes it, so a load and a store do.
  private func add(_ change: Int, slot: Int) {
    // SAFETY: the slot is that of a registered region, hence inside the table.
    let value = unsafe balance[slot].load(ordering: .relaxed)
    unsafe balance[slot].store(value &+ change, ordering: .relaxed)
  }

  /// The buffer comes in registers, as its parts: for a buffer, the caller would write all of it to memory beforehand, also
  /// where it then does not call.
  ///
  /// SAFETY: both are of one buffer, which the caller has ended.
  @unsafe
  @inline(never)
  @usableFromInline
  mutating func enqueueUnusual(
    _ base: UnsafeMutableRawPointer, _ descriptor: Descriptor
  ) -> Refused<Buffer, Refusal>? {
    let buffer = unsafe Buffer(base: base, descriptor: descriptor)
    if let refusal = refusal(of: buffer.region) { return Refused(buffer, refusal) }
    guard producer.freeCount(wanted: 1) > 0 else { return Refused(buffer, .full) }
    guard buffer.flags.contains(.last) else { return Refused(buffer, .incompleteRun) }
    let descriptor = buffer.intoDescriptor()
    add(RingBalance.step(byteCount: descriptor.byteCount), slot: descriptor.region.slot)
    producer.write(descriptor, at: 0)
    producer.publish(1)
    return nil
  }

  @inline(never)
  @usableFromInline
  mutating func enqueueUnusual(_ burst: inout Burst) -> Refusal? {
    guard !producer.memory.isClosed.load(ordering: .relaxed) else { return .closed }
    let free = Int(producer.freeCount(wanted: UInt32(truncatingIfNeeded: burst.count)))
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

  /// Takes the oldest buffer; the caller has seen that there is one.
  @inline(never)
  @usableFromInline
  mutating func dequeueUnusual() -> Buffer {
    let descriptor = consumer.read(at: 0)
    consumer.publish(1)
    return take(descriptor)
  }

  /// Takes the `count` oldest buffers, which the caller has seen, into a burst that has room for them.
  @inline(never)
  @usableFromInline
  mutating func dequeueUnusual(into burst: inout Burst, _ count: Int) {
    for index in 0..<count { burst.append(take(consumer.read(at: UInt32(truncatingIfNeeded: index)))) }
    consumer.publish(UInt32(truncatingIfNeeded: count))
  }

  /// Turns what came through the ring into a buffer.
  private func take(_ descriptor: Descriptor) -> Buffer {
    let slot = descriptor.region.slot
    // SAFETY: the other end consumed the buffer when it enqueued the descriptor, and each descriptor is read once. The slot
    // is that of a registered region, hence inside the table.
    let result = unsafe table.pointee.entry(of: descriptor.region).buffer(own: descriptor, notes[slot])
    switch consume result {
    case .success(let buffer):
      add(0 &- RingBalance.step(byteCount: descriptor.byteCount), slot: slot)
      return buffer
    case .failure(let fault):
      // Both ends are in this process and went through the checks above: somebody wrote over the ring's memory.
      preconditionFailure("a ring was overwritten: \(descriptor) is \(fault)")
    }
  }
}
