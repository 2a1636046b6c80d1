public import CleanQ
public import Logging

/// A port whose device never sees the buffers of the pipeline: it has memory of its own, and packets are copied between the two.
///
/// Put on the device of a process where another process maps the pipeline's memory, so that neither can read or change the other
/// one's memory. A packet is copied once, as a whole, before the device has it and after it has given it back: from the copy on the
/// sender cannot change it. On the pipeline's side it is in memory that the other process maps, and that one can change it there,
/// also while a stage in between looks at it.
///
///        pipeline                                     device
///      transmit ──► copy ─► pending ──► lower.transmit, lower.complete ──► free
///      complete ◄── returning (at once)
///      fill ──► free buffers
///      receive ◄─── copy ◄─ arrived ◄── lower.receive;   used ──► lower.fill
///
/// Thread-confined.
@frozen
public struct CopyingPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  public typealias Unit = Lower.Unit

  public var lower: Lower
  /// Where the device's buffers are. Kept for as long as the port lives.
  @usableFromInline let memory: PipelineMemory
  @usableFromInline let wantedCount: Int
  @usableFromInline let bufferByteCount: Int
  /// The pipeline's regions, of which the device does not know.
  @usableFromInline var table = RegionTable()

  // The pipeline's buffers.
  /// To be copied to.
  @usableFromInline var freeBuffers: BufferStore
  /// Copied, and to be completed.
  @usableFromInline var returning: BufferStore

  // The device's buffers.
  /// To be copied to.
  @usableFromInline var free: BufferStore
  /// Copied, and to be transmitted.
  @usableFromInline var pending = Burst()
  /// Received, and to be copied.
  @usableFromInline var arrived = Burst()
  /// Copied, and to be filled again.
  @usableFromInline var used = Burst()
  /// Empty but in a call.
  @usableFromInline var completed = Burst()

  @usableFromInline var copiedCount: UInt64 = 0
  /// Packets that fit in no buffer of the other side.
  @usableFromInline var tooLongCount: UInt64 = 0

  /// Makes memory for the device and gives it the empty buffers that it wants.
  ///
  /// - Throws: where there is no memory, or the device does not take it.
  public static func make(on lower: consuming Lower, logger: Logger) throws(StageError) -> CopyingPort {
    let below = lower.capabilities
    let count = max(below.wantedBufferCount, 2 * Burst.capacity)
    let wanted = WantedBuffers(
      left: count, right: count, byteCount: max(2048, below.wantedBufferByteCount), backing: below.wantedBacking)
    let memory = try PipelineMemory(wanted, logger)
    var port = CopyingPort(lower, memory, wanted)
    if let error = port.prime(wanted) { throw StageError("pipeline", error) }
    return port
  }

  private init(_ lower: consuming Lower, _ memory: PipelineMemory, _ wanted: WantedBuffers) {
    self.memory = memory
    wantedCount = wanted.left
    bufferByteCount = wanted.byteCount
    freeBuffers = BufferStore(capacity: wanted.left)
    returning = BufferStore(capacity: wanted.left)
    free = BufferStore(capacity: wanted.left + wanted.right)
    self.lower = lower
  }

  /// Gives the device its memory, and half of the buffers.
  private mutating func prime(_ wanted: WantedBuffers) -> QueueError? {
    do throws(QueueError) { try lower.register(memory.region) } catch { return error }
    while memory.region.carve(min(Burst.capacity, free.capacity - memory.region.liveBufferCount), wanted, into: &used) {
      if memory.region.liveBufferCount <= wanted.left { lower.fill(&used) }
      free.append(contentsOf: &used)
    }
    return nil
  }
}

// MARK: Traffic

extension CopyingPort where Lower: ~Copyable {
  @inlinable
  public func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  @inlinable
  @discardableResult
  public mutating func fill(_ burst: inout Burst) -> Refusal? {
    let (count, refusal) = table.offer(burst, room: freeBuffers.room, capacity: freeBuffers.capacity)
    for _ in 0..<count { if let buffer = burst.popFirst() { freeBuffers.append(buffer) } }
    return refusal
  }

  /// Copies what the device has received, while there are empty buffers to copy it to.
  @inlinable
  public mutating func receive(into filled: inout Burst) {
    if !used.isEmpty { lower.fill(&used) }
    if arrived.room > 0 { lower.receive(into: &arrived) }
    while filled.room > 0, !freeBuffers.isEmpty, let count = arrived.packetBufferCount, count <= used.room {
      copyUp(count, into: &filled)
    }
    if !used.isEmpty { lower.fill(&used) }
  }

  /// Copies a packet into one buffer of the pipeline's; one that is longer is dropped.
  @inlinable
  mutating func copyUp(_ count: Int, into filled: inout Burst) {
    guard var buffer = freeBuffers.popFirst() else { return }
    buffer.reset()
    var byteCount = 0
    for index in 0..<count { byteCount &+= arrived[index].validByteCount }
    if byteCount <= buffer.tailroom {
      for index in 0..<count { buffer.append(arrived[index].validByteCount, from: 0, of: arrived[index]) }
      buffer.flags = arrived[count &- 1].flags.union(.last)
      if buffer.flags.contains(.recorded) { buffer.record = arrived[0].record }
      filled.append(buffer)
      copiedCount &+= 1
    } else {
      tooLongCount &+= 1
      freeBuffers.pushFirst(buffer)
    }
    for _ in 0..<count {
      guard var empty = arrived.popFirst() else { return }
      empty.reset()
      used.append(empty)
    }
  }

  /// Copies packets for the device, and has them completed at once.
  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard !filled.isEmpty else { return nil }
    let (count, refusal) = table.offer(filled, room: returning.room, capacity: returning.capacity)
    var left = count
    while left > 0, let packetCount = filled.packetBufferCount {
      guard copyDown(packetCount, of: filled) else {
        flush()
        return .full
      }
      for _ in 0..<packetCount { if let buffer = filled.popFirst() { returning.append(buffer) } }
      left &-= packetCount
    }
    flush()
    return refusal
  }

  /// Copies the first packet of a burst to as many of the device's buffers as it takes.
  ///
  /// - Returns: false, with nothing changed, while there are not enough.
  @inlinable
  mutating func copyDown(_ count: Int, of filled: borrowing Burst) -> Bool {
    var byteCount = 0
    for index in 0..<count { byteCount &+= filled[index].validByteCount }
    let roomEach = bufferByteCount &- Buffer.standardHeadroom
    let pieceCount = max(1, (byteCount &+ roomEach &- 1) / roomEach)
    guard pieceCount <= Burst.capacity else {
      tooLongCount &+= 1
      return true
    }
    if pending.room < pieceCount { flush() }
    guard pending.room >= pieceCount, free.count >= pieceCount else { return false }
    var place = pending.count
    for _ in 0..<pieceCount {
      guard var piece = free.popFirst() else { return false }
      piece.reset()
      piece.flags = filled[0].flags.subtracting(.last)
      pending.append(piece)
    }
    for index in 0..<count {
      var offset = 0
      while offset < filled[index].validByteCount {
        if pending[place].tailroom == 0 { place &+= 1 }
        let part = min(filled[index].validByteCount &- offset, pending[place].tailroom)
        pending[place].append(part, from: offset, of: filled[index])
        offset &+= part
      }
    }
    pending[pending.count &- 1].flags = filled[count &- 1].flags
    if filled[0].flags.contains(.recorded) { copyRecord(of: filled[0], byteCount, to: pending.count &- pieceCount) }
    copiedCount &+= 1
    return true
  }

  /// Has the copy of a packet that a capture cut short say so too; the first of its pieces lies at `index`.
  @usableFromInline
  mutating func copyRecord(of buffer: borrowing Buffer, _ byteCount: Int, to index: Int) {
    let record = buffer.record
    for piece in index..<pending.count { pending[piece].flags.remove(.recorded) }
    if let record, Int(record.originalByteCount) > byteCount { pending[index].record = record }
  }

  /// Gives the device what was copied for it.
  @inlinable
  mutating func flush() { if !pending.isEmpty { lower.transmit(&pending) } }

  @inlinable
  public mutating func complete(into sent: inout Burst) {
    lower.complete(into: &completed)
    free.append(contentsOf: &completed)
    flush()
    returning.move(to: &sent)
  }
}

// MARK: Set-up and the rest

extension CopyingPort where Lower: ~Copyable {
  /// The device does not hear of it.
  public mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try QueueError.requireNone(
      elsewhereByteCount: freeBuffers.byteCount(of: region.id) + returning.byteCount(of: region.id))
    try table.remove(region.id)
  }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    var readiness = lower.sleep(step)
    if !returning.isEmpty || !arrived.isEmpty && !freeBuffers.isEmpty { readiness.hasWork = true }
    if !arrived.isEmpty { readiness.isExhausted = false }
    return readiness
  }

  /// Buffers to copy to; the device has its own, of its own backing.
  public var capabilities: PortCapabilities {
    var capabilities = lower.capabilities
    capabilities.wantedBufferCount = wantedCount
    capabilities.wantedBacking = .anonymous
    return capabilities
  }

  /// Of the accounts the pipeline's buffers only; the device's report, with what was copied.
  public func report(into report: inout PortReport) {
    lower.report(into: &report)
    let lost = lostByteCount(report.accounts)
    if var device = report.stages.popLast() {
      device.counters.append(.init("copied", copiedCount))
      device.drops += [.init("too-long-to-copy", tooLongCount), .init("not-sent", UInt64(pending.count))]
        .filter { $0.value > 0 }
      if lost != 0 {
        device.failure = device.failure ?? "\(lost) bytes of its own memory are in no buffer that it knows"
      }
      report.stages.append(device)
    }
    report.accounts = BufferAccounts()
    report.accounts.registeredByteCount = table.byteCount
    freeBuffers.add(to: &report.accounts)
    returning.add(to: &report.accounts)
  }

  /// Bytes of the device's buffers that are nowhere to be found.
  private func lostByteCount(_ below: BufferAccounts) -> Int {
    var accounts = below
    free.add(to: &accounts)
    accounts.addInFlight(pending)
    accounts.addInFlight(arrived)
    accounts.addInFlight(used)
    return memory.region.liveByteCount - accounts.inFlightByteCount - accounts.atPeerByteCount
  }
}
