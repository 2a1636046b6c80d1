public import CleanQ

/// A device in memory: it receives the arrays of bytes that a test puts on its ``wire``, and what it transmits comes out there.
///
/// It keeps the contract as a driver does: it takes buffers of registered regions only, whole chains only, as many as it has room
/// for, and gives each back once. Received packets are written into the buffers that it was filled with, in the order in which they
/// were put. What it is to do otherwise is said on the wire (``TestWire/Settings``).
///
/// Thread-confined; may be sent. The wire may be used from any thread meanwhile.
public struct TestDevice<Unit: Traffic>: Port, ~Copyable, Sendable {
  /// The other side.
  public let wire: TestWire
  private let name: String
  private var table = RegionTable()
  private var free: BufferStore
  /// Buffers that are received as they are.
  private var ready: BufferStore
  private var sent: BufferStore
  private var isQuiet = false
  private let presence: TestWire.Presence

  /// - Parameters:
  ///   - capacity: how many buffers each of the two queues has room for.
  ///   - name: what the device is called in reports.
  public init(_ wire: TestWire = TestWire(), capacity: Int = Burst.capacity, name: String = "test-device") {
    self.wire = wire
    self.name = name
    free = BufferStore(capacity: capacity)
    ready = BufferStore(capacity: capacity)
    sent = BufferStore(capacity: capacity)
    presence = TestWire.Presence(on: wire)
  }

  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    if let error = wire.settings.registerError { throw error }
    try table.insert(region)
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    if let error = wire.settings.deregisterError { throw error }
    let held = free.byteCount(of: region.id) + ready.byteCount(of: region.id) + sent.byteCount(of: region.id)
    guard held == 0 else { throw QueueError(.elsewhere(byteCount: held)) }
    try table.remove(region.id)
  }

  public func refusal(of region: RegionID) -> Refusal? {
    table.contains(region) || wire.settings.claimsEveryRegion ? nil : .unknownRegion
  }

  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    let settings = wire.settings
    if let refusal = settings.fillRefusal { return freeBuffers.isEmpty ? nil : refusal }
    defer { wire.note(freeBufferCount: free.count) }
    return Self.move(&freeBuffers, to: &free, table, settings) { _ in }
  }

  public mutating func receive(into filled: inout Burst) {
    ready.move(to: &filled)
    let count = min(filled.room, free.count, wire.waitingCount(isQuiet: isQuiet))
    defer { wire.note(freeBufferCount: free.count) }
    for _ in 0..<wire.settings.share(of: count) {
      guard let arrival = wire.next(isQuiet: isQuiet), var buffer = free.popFirst() else { return }
      buffer.reset()
      let fits = buffer.fill(from: arrival.bytes.span, headroom: arrival.headroom)
      precondition(fits, "a packet of \(arrival.bytes.count) bytes does not fit a buffer of \(buffer.byteCount)")
      buffer.flags = arrival.flags
      filled.append(buffer)
    }
  }

  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    let settings = wire.settings
    if let refusal = settings.transmitRefusal { return filled.isEmpty ? nil : refusal }
    var (packet, bufferCount): ([UInt8], Int) = ([], 0)
    return Self.move(&filled, to: &sent, table, settings) { [wire] buffer in
      packet = bufferCount == 0 ? buffer.array : packet + buffer.array
      bufferCount += 1
      guard buffer.flags.contains(.last) else { return }
      wire.transmit(packet, bufferCount: bufferCount)
      (packet, bufferCount) = ([], 0)
    }
  }

  public mutating func complete(into burst: inout Burst) {
    let count = wire.settings.share(of: wire.completableCount(of: min(burst.room, sent.count)))
    for _ in 0..<count { if let buffer = sent.popFirst() { burst.append(buffer) } }
    wire.didComplete(count)
  }

  /// Moves whole chains from the front of a burst, and shows each buffer.
  private static func move(
    _ burst: inout Burst, to store: inout BufferStore, _ table: borrowing RegionTable, _ settings: TestWire.Settings,
    each: (borrowing Buffer) -> Void
  ) -> Refusal? {
    guard !burst.isEmpty else { return nil }
    let room = min(burst.count, store.room)
    let share = settings.share(of: room)
    // A device that moves less than it could says that it is full.
    let (taken, refusal) = table.offer(burst, room: share < room ? share : store.room, capacity: store.capacity)
    for _ in 0..<taken {
      guard let buffer = burst.popFirst() else { break }
      each(buffer)
      store.append(buffer)
    }
    return refusal
  }

  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    guard request == .quiesce else { throw QueueError(.unsupported) }
    isQuiet = true
  }

  public var capabilities: PortCapabilities { wire.settings.capabilities }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    let waiting = wire.waitingCount(isQuiet: isQuiet)
    return Readiness(
      hasWork: !ready.isEmpty || (waiting > 0 && !free.isEmpty) || wire.completableCount(of: sent.count) > 0,
      isExhausted: wire.settings.isExhausted && ready.isEmpty && wire.waitingCount == 0)
  }

  public func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = table.byteCount
    free.add(to: &report.accounts)
    ready.add(to: &report.accounts)
    sent.add(to: &report.accounts)
    report.stages.append(StageReport(name))
  }
}

extension TestDevice {
  /// Has the device receive a buffer of the test's as it is: for what an array of bytes does not say, as metadata.
  ///
  /// - Precondition: there is room.
  public mutating func put(_ buffer: consuming Buffer) { ready.append(buffer) }

  /// Releases the empty buffers, as a device does that is reset.
  public mutating func releaseFreeBuffers() {
    while let buffer = free.popFirst() { buffer.release() }
    wire.note(freeBufferCount: 0)
  }
}

extension TestWire.Settings {
  /// How many of `count` buffers a call moves.
  func share(of count: Int) -> Int {
    guard let share, count > 0 else { return count }
    return min(count, max(0, share(count)))
  }
}

extension Buffer {
  /// A copy of the valid bytes.
  public var array: [UInt8] {
    // SAFETY: the bytes are copied while they are borrowed.
    unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
  }
}
