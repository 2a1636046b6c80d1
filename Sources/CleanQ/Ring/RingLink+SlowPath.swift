internal import Synchronization

// The slow path of buffers through a ring: of any region, as far as there is room. It makes every check of the
// contract by itself, and is where each refusal comes from.

extension RingLink {
  /// The buffer comes in registers, as its parts: for a buffer, the caller would write all of it to memory beforehand, also
  /// where it then does not call.
  ///
  /// SAFETY: both are of one buffer, which the caller has ended.
  @unsafe
  @inline(never)
  @usableFromInline
  mutating func enqueueSlow(
    _ base: UnsafeMutableRawPointer, _ descriptor: Descriptor
  ) -> Refused<Buffer, Refusal>? {
    let buffer = unsafe Buffer(base: base, descriptor: descriptor)
    if let refusal = refusal(of: buffer.region) { return Refused(buffer, refusal) }
    guard producer.freeCount(wanted: 1) > 0 else { return Refused(buffer, .full) }
    guard buffer.flags.contains(.last) else { return Refused(buffer, .incompleteChain) }
    guard isStrangeAtFarEnd(descriptor) else {
      hand(over: buffer.intoDescriptor())
      return nil
    }
    let isTaken = deregistration.withLock {
      guard unsafe table.pointee.contains(descriptor.region) else { return false }
      hand(over: descriptor)
      return true
    }
    guard isTaken else { return Refused(buffer, .unknownRegion) }
    _ = buffer.intoDescriptor()
    return nil
  }

  /// Whether the far end of a registered region got the buffer past the queue, so that it does not count as away.
  private func isStrangeAtFarEnd(_ descriptor: Descriptor) -> Bool {
    let note = unsafe accounts[descriptor.region.slot].ringNote
    return note.expected != 0 && !descriptor.isCommon(note)
  }

  /// Counts and publishes one buffer, for which there is room.
  private mutating func hand(over descriptor: Descriptor) {
    write(descriptor, at: 0)
    producer.publish(1)
  }

  /// Counts a buffer, and writes it without the note into a slot that is not yet published.
  private func write(_ descriptor: Descriptor, at index: UInt32) {
    // SAFETY: the slot is that of a registered region, hence inside the table.
    let account = unsafe accounts + descriptor.region.slot
    let note = unsafe account.pointee.ringNote
    let byteCount = Int(descriptor.byteCount)
    unsafe account.pointee.addPassed(byteCount: byteCount, bufferCount: 1)
    if !descriptor.isCommon(note) {
      // The far end enqueues what never counted as away; the near end what still does.
      let sign = note.expected != 0 ? 1 : -1
      unsafe account.pointee.addStrange(byteCount: sign * byteCount, bufferCount: sign)
    }
    producer.write(descriptor.cleared(of: note), at: index)
  }

  @inline(never)
  @usableFromInline
  mutating func enqueueSlow(_ burst: inout Burst) -> Refusal? {
    guard !producer.memory.isClosed.load(ordering: .relaxed) else { return .closed }
    let free = Int(producer.freeCount(wanted: UInt32(truncatingIfNeeded: burst.count)))
    let (taken, refusal) = unsafe table.pointee.offer(burst, room: free, capacity: Int(producer.slotCount))
    for index in 0..<taken where isStrangeAtFarEnd(burst[index].descriptor) {
      return deregistration.withLock { handStrange(over: &burst, free: free) }
    }
    hand(over: &burst, taken)
    return refusal
  }

  /// A burst with strange buffers in it. What was known before the lock was taken may be so no more.
  private mutating func handStrange(over burst: inout Burst, free: Int) -> Refusal? {
    let (taken, refusal) = unsafe table.pointee.offer(burst, room: free, capacity: Int(producer.slotCount))
    hand(over: &burst, taken)
    return refusal
  }

  /// Counts and publishes the first `taken` buffers of a burst, for which there is room.
  private mutating func hand(over burst: inout Burst, _ taken: Int) {
    for index in 0..<taken { write(burst[index].descriptor, at: UInt32(truncatingIfNeeded: index)) }
    // The ring owns these now: the burst forgets them before the consumer can see them.
    burst.forgetFirst(taken)
    producer.publish(UInt32(truncatingIfNeeded: taken))
  }

  /// Takes the oldest buffer; the caller has seen that there is one.
  @inline(never)
  @usableFromInline
  mutating func dequeueSlow() -> Buffer {
    let descriptor = consumer.read(at: 0)
    consumer.publish(1)
    return take(descriptor)
  }

  /// Takes the `count` oldest buffers, which the caller has seen, into a burst that has room for them.
  @inline(never)
  @usableFromInline
  mutating func dequeueSlow(into burst: inout Burst, _ count: Int) {
    for index in 0..<count { burst.append(take(consumer.read(at: UInt32(truncatingIfNeeded: index)))) }
    consumer.publish(UInt32(truncatingIfNeeded: count))
  }

  /// Turns what came through the ring into a buffer.
  private func take(_ descriptor: Descriptor) -> Buffer {
    // SAFETY: the slot is that of a registered region, hence inside the table.
    let account = unsafe accounts + descriptor.region.slot
    let expected = unsafe account.pointee.expected.load(ordering: .relaxed)
    // SAFETY: the other end consumed the buffer when it enqueued the descriptor, and each descriptor is read once.
    let result = unsafe table.pointee.entry(of: descriptor.region).buffer(own: descriptor.taken(with: expected))
    switch consume result {
    case .success(let buffer):
      unsafe account.pointee.addPassed(byteCount: -Int(descriptor.byteCount), bufferCount: -1)
      return buffer
    case .failure(let fault):
      // Both ends are in this process and went through the checks above: somebody wrote over the ring's memory.
      preconditionFailure("a ring was overwritten: \(descriptor) is \(fault)")
    }
  }
}
