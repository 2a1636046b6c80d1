public import CleanQ

extension VirtioNetPort {
  public func refusal(of region: RegionID) -> Refusal? { map.table.contains(region) ? nil : .unknownRegion }

  /// Takes empty buffers for the device to write to. While it is away they wait here.
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    guard isJoined else { return fillWaiting(&freeBuffers) }
    if !waiting.isEmpty {
      postWaiting()
      if !waiting.isEmpty {
        return map.table.offer(freeBuffers, room: 0, capacity: device.options.receiveQueueSize).refusal
      }
    }
    if let refusal = session.split?.receiving.postEmpty(&freeBuffers, map) { return refusal }
    return session.packed?.receiving.postEmpty(&freeBuffers, map) ?? nil
  }

  /// As many as the queue would take.
  private mutating func fillWaiting(_ freeBuffers: inout Burst) -> Refusal? {
    let capacity = device.options.receiveQueueSize
    let (taken, refusal) = map.table.offer(freeBuffers, room: max(0, capacity - waiting.count), capacity: capacity)
    for _ in 0..<taken { if let buffer = freeBuffers.popFirst() { wait(buffer) } }
    return refusal
  }

  /// Gives what the device has received.
  public mutating func receive(into filled: inout Burst) {
    guard isReady(), receiveAllowance > 0, !isAtRest else { return }
    if !waiting.isEmpty { postWaiting() }
    let before = filled.count
    session.split?.receive(into: &filled, map, &counters)
    session.packed?.receive(into: &filled, map, &counters)
    if receiveAllowance != .max { receiveAllowance &-= filled.count &- before }
  }

  /// Takes frames to be sent, whole runs of buffers only. While the device is away they are completed at once, and counted as
  /// dropped: a link that is down holds nothing back.
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard isJoined else { return drop(&filled) }
    guard returning.count <= Burst.capacity else {
      return map.table.offer(filled, room: 0, capacity: device.options.transmitQueueSize).refusal
    }
    while true {
      if let refusal = session.split?.transmitting.post(&filled, map, &counters.transmitted) { return refusal }
      if let refusal = session.packed?.transmitting.post(&filled, map, &counters.transmitted) { return refusal }
      if filled.isEmpty { return nil }
      admitRecorded(&filled)
    }
  }

  /// Takes what comes from a capture and was cut there from the front of a burst, and makes the rest of it ordinary frames.
  private mutating func admitRecorded(_ filled: inout Burst) {
    while !filled.isEmpty, filled[0].isCut, let buffer = filled.popFirst() {
      counters.truncated &+= 1
      returning.append(buffer)
    }
    for index in 0..<filled.count where !filled[index].isCut { filled[index].flags.remove(.recorded) }
  }

  private mutating func drop(_ filled: inout Burst) -> Refusal? {
    let capacity = device.options.transmitQueueSize
    let (taken, refusal) = map.table.offer(filled, room: max(0, capacity - returning.count), capacity: capacity)
    for _ in 0..<taken {
      guard let buffer = filled.popFirst() else { break }
      if buffer.flags.contains(.last) { counters.deviceGone &+= 1 }
      returning.append(buffer)
    }
    return refusal
  }

  /// Gives back the buffers of frames that were sent, or dropped and counted.
  public mutating func complete(into sent: inout Burst) {
    let isReady = isReady()
    // What came home from a device that went was handed over before anything that is with the next one.
    while sent.room > 0, let buffer = returning.popFirst() { sent.append(buffer) }
    guard isReady, !isAtRest else { return }
    session.split?.transmitting.reap(into: &sent)
    session.packed?.transmitting.reap(into: &sent)
  }

  /// Tells the device of what was filled and transmitted, where it wants to know. Not before it runs: then there are no queues here.
  public mutating func notify() {
    session.split?.notify()
    session.packed?.notify()
  }
}
