public import CleanQ

extension TAPPort {
  public func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  /// Takes empty buffers to be read into, each of which is reset.
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    let (taken, refusal) = table.offer(freeBuffers, room: receiving.room, capacity: Self.receiveCapacity)
    for _ in 0..<taken {
      guard var buffer = freeBuffers.popFirst() else { break }
      buffer.reset()
      receiving.append(buffer)
    }
    return refusal
  }

  /// Gives what was read. Looks at the device itself where nobody has called ``notify()`` since the last time.
  public mutating func receive(into filled: inout Burst) {
    if receiving.doneCount == 0, looksToSkip == 0 { exchange(writes: false) }
    looksToSkip = max(0, looksToSkip &- 1)
    let before = filled.count
    receiving.takeDone(into: &filled)
    for index in before..<filled.count { counters.received.add(byteCount: filled[index].validByteCount) }
  }

  /// Takes frames to be written, whole runs of buffers only.
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    let (taken, refusal) = table.offer(filled, room: transmitting.room, capacity: Self.transmitCapacity)
    for _ in 0..<taken {
      guard let buffer = filled.popFirst() else { break }
      counters.transmitted.bytes &+= UInt64(truncatingIfNeeded: buffer.validByteCount)
      if buffer.flags.contains(.last) { counters.transmitted.packets &+= 1 }
      transmitting.append(buffer)
    }
    return refusal
  }

  /// Gives back the buffers of frames that were written, or dropped and counted, in the order of ``transmit(_:)``.
  public mutating func complete(into sent: inout Burst) { transmitting.takeDone(into: &sent) }

  /// Writes what waits to be written and reads what is there to be read: one system call, seldom more, and none where nothing
  /// waits. Then ``receive(into:)`` looks.
  public mutating func notify() {
    guard transmitting.waitingCount > 0 else { return }
    exchange(writes: true)
    // One more where the device had nothing: the next turn only takes back what was written.
    looksToSkip = budget.hasFoundAll ? 1 : 2
  }
}
