public import CleanQ

/// A port under test with what it needs: a region, buffers, and a user who moves them and keeps account of every byte.
///
/// ```swift
/// let wire = TestWire()
/// var bench = try TestBench(MyPort(on: TestDevice<Frame>(wire)))
/// wire.put([1, 2, 3])
/// bench.receive()                  // what came through the port: arrays of bytes
/// bench.transmit([4, 5, 6])        // nil, or why it was refused
/// wire.transmitted                 // what came out of the device
/// bench.accountsFault              // nil, or which bytes are missing
/// bench.finish()                   // nil once every buffer is back
/// ```
///
/// Thread-confined.
public struct TestBench<P: Port & ~Copyable>: ~Copyable {
  public let region: Region
  public var port: P
  /// Buffers of the user's: used for what is transmitted, and given to the receive queue.
  private var free: BufferStore
  private var burst = Burst()

  /// Makes a region, registers it with the port, and fills the receive queue as far as it takes buffers.
  ///
  /// - Parameters:
  ///   - bufferCount: how many buffers there are, those for transmitting included.
  ///   - bufferByteCount: the length of each.
  /// - Throws: what the port says to the region; `refused` where there is no memory.
  public init(
    _ port: consuming P, bufferCount: Int = 2 * Burst.capacity, bufferByteCount: Int = 2048
  ) throws(QueueError) {
    let region = try Self.makeRegion(byteCount: bufferCount * (bufferByteCount + 64))
    var port = port
    try port.register(region)
    self.region = region
    self.port = port
    free = BufferStore(capacity: bufferCount)
    for _ in 0..<bufferCount { if let buffer = self.region.buffer(byteCount: bufferByteCount) { free.append(buffer) } }
    fill(keeping: min(Burst.capacity, bufferCount / 2))
  }

  private static func makeRegion(byteCount: Int) throws(QueueError) -> Region {
    do { return try Region(byteCount: byteCount, pages: .ordinary) } catch {
      throw QueueError(.refused, context: "\(error)")
    }
  }

  /// Receives until there is nothing to do for the port, and gives the buffers to the receive queue again.
  ///
  /// - Returns: the packets, oldest first, the buffers of a chain joined.
  @discardableResult
  public mutating func receive() -> [[UInt8]] {
    var packets: [[UInt8]] = []
    var isInside = false
    var idleTurnCount = 0
    while idleTurnCount < 256 {
      turn()
      port.receive(into: &burst)
      for index in 0..<burst.count {
        if isInside { packets[packets.count - 1] += burst[index].array } else { packets.append(burst[index].array) }
        isInside = !burst[index].flags.contains(.last)
      }
      idleTurnCount = burst.isEmpty ? idleTurnCount + 1 : 0
      keepBurst()
      let isIdle = port.arm()
      port.disarm()
      if isIdle && idleTurnCount > 0 { break }
    }
    return packets
  }

  /// Transmits a packet.
  ///
  /// - Parameters:
  ///   - headroom: bytes in front of it, for the headers that layers put there.
  ///   - prepare: is shown the buffer before it is transmitted, to set what an array of bytes does not say.
  /// - Returns: nil, or why it was refused.
  public mutating func transmit(
    _ packet: [UInt8], headroom: Int = 128, prepare: (inout Buffer) -> Void = { _ in }
  ) -> Refusal? { transmit(chain: [packet], headroom: headroom, prepare: prepare) }

  /// Transmits a packet in several buffers.
  public mutating func transmit(
    chain parts: [[UInt8]], headroom: Int = 128, prepare: (inout Buffer) -> Void = { _ in }
  ) -> Refusal? {
    turn()
    for (index, part) in parts.enumerated() {
      guard var buffer = free.popFirst() else { preconditionFailure("the bench has too few buffers") }
      let fits = buffer.fill(from: part.span, headroom: headroom)
      precondition(fits, "a packet of \(part.count) bytes does not fit a buffer of \(buffer.byteCount)")
      buffer.flags = index == parts.count - 1 ? .last : []
      prepare(&buffer)
      burst.append(buffer)
    }
    let refusal = port.transmit(&burst)
    keepBurst()
    turn()
    return refusal
  }

  /// What a loop does between packets: takes back what was sent, fills, notifies.
  public mutating func turn() {
    port.complete(into: &burst)
    keepBurst()
    fill(keeping: min(Burst.capacity, free.capacity / 2))
    port.notify()
  }

  /// Gives the receive queue buffers until it takes no more or the user has no more than so many.
  private mutating func fill(keeping count: Int) {
    while free.count > count {
      while free.count > count, burst.room > 0, let buffer = free.popFirst() { burst.append(buffer) }
      let isFull = port.fill(&burst) != nil
      keepBurst()
      if isFull { return }
    }
  }

  private mutating func keepBurst() {
    while var buffer = burst.popFirst() {
      buffer.flags = .last
      free.append(buffer)
    }
  }
}

// MARK: The accounts

extension TestBench where P: ~Copyable {
  /// What is wrong with the accounts, as a sentence: a byte is lost or counted twice, or a buffer went out of scope. Nil where each byte
  /// is with the user or with the port, as the port's accounts say.
  public var accountsFault: String? {
    let held = port.accounts()
    if region.leakedBufferCount > 0 { return "buffers that went out of scope: \(region.leakedBufferCount)" }
    if held.registeredByteCount != region.byteCount {
      return "\(held.registeredByteCount) bytes are registered, not \(region.byteCount)"
    }
    let away = held.inFlightByteCount + held.atPeerByteCount
    let missing = region.liveByteCount - free.byteCount(of: region.id) - away
    if missing > 0 { return "\(missing) bytes are neither with the user nor in the port's accounts" }
    return missing < 0 ? "the port's accounts have \(-missing) bytes that are elsewhere" : nil
  }

  /// Ends the test: lets the port finish what it has, looks at the accounts, destroys the port, and looks whether every buffer is back.
  ///
  /// - Returns: nil, or what is wrong.
  public consuming func finish() -> String? {
    port.quiesce()
    for _ in 0..<Burst.capacity { turn() }
    if let fault = accountsFault { return fault }
    while let buffer = free.popFirst() { buffer.release() }
    Self.destroy(port)
    let away = region.liveByteCount
    return away == 0 ? nil : "\(away) bytes were not released with the port"
  }

  private static func destroy(_ port: consuming P) {}
}
