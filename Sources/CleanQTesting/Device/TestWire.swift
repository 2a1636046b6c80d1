public import CleanQ
internal import Synchronization

/// What is on the other side of a ``TestDevice``: arrays of bytes go in and come out, and settings say how the device behaves.
///
/// A test keeps the wire and gives the device away, to a stack or to a pipeline on other threads. Each setting of
/// ``Settings`` is a property of the wire too: `wire.transmitRefusal = .full`.
///
/// Sendable: every member may be used from any thread, and takes a lock.
@dynamicMemberLookup
public final class TestWire: Sendable {
  /// What is to be received: the bytes of one buffer.
  struct Arrival: Sendable {
    let bytes: [UInt8]
    let headroom: Int
    let flags: BufferFlags
  }

  struct State {
    var settings = Settings()
    /// The first `taken` have been received.
    var arrivals: [Arrival] = []
    var taken = 0
    var transmitted: [[UInt8]] = []
    var counts = Counts()
    /// How many buffers may be completed while completions are held back.
    var completable = 0
    var hasSourceEnded = false
    var deviceCount = 0
  }

  struct Counts {
    var receivedPackets = 0
    var transmittedPackets = 0
    var transmittedBuffers = 0
    var completedBuffers = 0
    var freeBuffers = 0
  }

  private let state = Mutex(State())
  private let source: (@Sendable (Int) -> [UInt8]?)?
  private let sink: (@Sendable ([UInt8]) -> Void)?

  /// - Parameters:
  ///   - source: makes packets once there are no more of ``put(_:headroom:flags:)``: it is called with 0, 1, 2 and so on, and
  ///     ends with nil. It is called on the thread of the device.
  ///   - sink: gets each transmitted packet, on the thread of the device; they are not kept in ``transmitted`` then.
  public init(source: (@Sendable (Int) -> [UInt8]?)? = nil, sink: (@Sendable ([UInt8]) -> Void)? = nil) {
    self.source = source
    self.sink = sink
  }

  /// A setting.
  public subscript<Value>(dynamicMember path: WritableKeyPath<Settings, Value>) -> Value {
    get { settings[keyPath: path] }
    set {
      // SAFETY: the lock is held while the path is followed; key paths to properties of a value may go to any thread.
      nonisolated(unsafe) let (path, value) = (path, newValue)
      state.withLock { unsafe $0.settings[keyPath: path] = unsafe value }
    }
  }

  var settings: Settings { state.withLock { $0.settings } }
}

// MARK: What is received

extension TestWire {
  /// Sends a packet to the device, which receives it in one buffer.
  ///
  /// - Parameters:
  ///   - headroom: where it begins in its buffer.
  ///   - flags: of its buffer. Without `.last` it is the first part of a chain, of which the next call has the next.
  public func put(_ packet: [UInt8], headroom: Int = Buffer.standardHeadroom, flags: BufferFlags = .last) {
    state.withLock { $0.arrivals.append(Arrival(bytes: packet, headroom: headroom, flags: flags)) }
  }

  /// Sends a packet to the device that it receives in several buffers.
  public func put(chain parts: [[UInt8]], headroom: Int = Buffer.standardHeadroom) {
    for (index, part) in parts.enumerated() {
      put(part, headroom: headroom, flags: index == parts.count - 1 ? .last : [])
    }
  }

  /// How many buffers' worth of what was put the device has not received yet.
  public var waitingCount: Int { state.withLock { $0.arrivals.count - $0.taken } }

  /// How many packets the device has received, a chain being one.
  public var receivedPacketCount: Int { state.withLock { $0.counts.receivedPackets } }

  /// How many empty buffers the device has.
  public var freeBufferCount: Int { state.withLock { $0.counts.freeBuffers } }

  func note(freeBufferCount: Int) { state.withLock { $0.counts.freeBuffers = freeBufferCount } }

  /// The most that is there to be received.
  func waitingCount(isQuiet: Bool) -> Int {
    state.withLock { state in
      let isLive = source != nil && !state.hasSourceEnded && !isQuiet
      return isLive ? .max : state.arrivals.count - state.taken
    }
  }

  /// The next buffer's worth.
  func next(isQuiet: Bool) -> Arrival? {
    let (arrival, index) = state.withLock { state -> (Arrival?, Int) in
      guard state.taken < state.arrivals.count else { return (nil, state.counts.receivedPackets) }
      let arrival = state.arrivals[state.taken]
      state.taken += 1
      if state.taken == state.arrivals.count || state.taken == 1024 {
        state.arrivals.removeFirst(state.taken)
        state.taken = 0
      }
      if arrival.flags.contains(.last) { state.counts.receivedPackets += 1 }
      return (arrival, 0)
    }
    if let arrival { return arrival }
    guard let source, !isQuiet else { return nil }
    let packet = source(index)
    state.withLock { state in
      if packet == nil { state.hasSourceEnded = true } else { state.counts.receivedPackets += 1 }
    }
    return packet.map { Arrival(bytes: $0, headroom: Buffer.standardHeadroom, flags: .last) }
  }
}

// MARK: What was transmitted

extension TestWire {
  /// The packets that the device has transmitted, oldest first, the buffers of a chain joined.
  public var transmitted: [[UInt8]] { state.withLock { $0.transmitted } }

  /// The same, which leaves none behind.
  public func takeTransmitted() -> [[UInt8]] {
    state.withLock { state in
      defer { state.transmitted = [] }
      return state.transmitted
    }
  }

  /// How many packets the device has transmitted, taken or not, a chain being one.
  public var transmittedPacketCount: Int { state.withLock { $0.counts.transmittedPackets } }

  /// How many buffers the device has transmitted: more than packets where there were chains.
  public var transmittedBufferCount: Int { state.withLock { $0.counts.transmittedBuffers } }

  func transmit(_ packet: [UInt8], bufferCount: Int) {
    if let sink { sink(packet) }
    state.withLock { state in
      if sink == nil { state.transmitted.append(packet) }
      state.counts.transmittedPackets += 1
      state.counts.transmittedBuffers += bufferCount
    }
  }

  /// Lets the device complete as many more of the buffers that it was given to transmit, where ``Settings/holdsCompletions`` is set.
  public func complete(_ count: Int) { state.withLock { $0.completable += count } }

  /// The same for all that it has at this moment.
  public func completeAll() {
    state.withLock { $0.completable = $0.counts.transmittedBuffers - $0.counts.completedBuffers }
  }

  /// How many of `count` buffers may be completed now.
  func completableCount(of count: Int) -> Int {
    state.withLock { $0.settings.holdsCompletions ? min(count, $0.completable) : count }
  }

  func didComplete(_ count: Int) {
    state.withLock { state in
      state.counts.completedBuffers += count
      if state.settings.holdsCompletions { state.completable -= count }
    }
  }
}

// MARK: The device's life

extension TestWire {
  /// Whether a device on this wire exists.
  public var isOpen: Bool { state.withLock { $0.deviceCount > 0 } }

  /// Exists as long as a device does.
  final class Presence: Sendable {
    private let wire: TestWire

    init(on wire: TestWire) {
      self.wire = wire
      wire.state.withLock { $0.deviceCount += 1 }
    }

    deinit { wire.state.withLock { $0.deviceCount -= 1 } }
  }
}
