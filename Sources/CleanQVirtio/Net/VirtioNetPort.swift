public import CleanQ
internal import Synchronization

/// One queue pair of a virtio network device, as a port of Ethernet frames.
///
/// Frames are received straight into the buffers that were filled, behind the standard headroom, and sent straight from
/// those that are transmitted; a frame in several buffers goes out as one chain of descriptors, and one that the device
/// spread over several comes as a run. Buffers come back in the order in which the device used them.
///
/// **The device is not trusted.** Which buffers it has stands in private memory; what it says of them is checked, and
/// counted where it is a lie. A device that vanishes or lies beyond repair is reset; what it had comes home: empty buffers
/// wait here and are made available again when it is back, those of packets are completed and counted. Reconnecting, the port
/// agrees on features anew, and nobody above notices but for the gap.
///
/// Thread-confined; may be sent. The ports of one device may be used by different threads.
///
/// Source: [virtio 1.2 § 5.1 Network Device].
public struct VirtioNetPort: Port, ~Copyable, Sendable {
  public typealias Unit = Frame

  let device: VirtioNetDevice
  let index: Int
  let presence: VirtioPresence
  /// Readable after a notification of the receive queue, and of the transmit queue.
  let callFiles: (receiving: Int32, transmitting: Int32)
  /// Readable when the device has come or gone, or has answered.
  let wakeFile: Int32
  var map = DeviceMap()
  /// At most one of the two is there; none while the device is away.
  var session = VirtioNetSession()
  var isJoined = false
  /// The device was asked for queues, and has not answered.
  private var isAsking = false
  private var hasJoined = false
  private var joinTime = MonotonicTime(nanoseconds: 0)
  /// Empty buffers that wait for the device. No others are taken before these are with it, so that there is room for all
  /// that come home from the next one that goes.
  var waiting: BufferStore
  /// Buffers of packets that come out of ``complete(into:)`` next. No others are taken before most of these are out, for the
  /// same reason.
  var returning: BufferStore
  var counters = VirtioNetCounters()
  /// How many buffers may still be received from outside; all, until the port is to come to rest.
  var receiveAllowance = Int.max
  /// What is still with the device then is not waited for. Nothing is taken from it any more.
  var restDeadline = MonotonicTime.never
  var isAtRest = false
  /// Do not look at the link before. The first pair's port does, for all.
  var nextLinkLook = MonotonicTime(nanoseconds: 0)
  /// Do not try to join before.
  var nextAttempt = MonotonicTime(nanoseconds: 0)
  private var backOff = BackOff(firstMilliseconds: 100, longestMilliseconds: 3000)
  /// Why the device cannot be used at the moment; nil while it can.
  public private(set) var diagnostic: VirtioError?

  static var ethernetHeaderByteCount: Int { 14 }
  /// How long a device may take to give back what it has, once the port is to come to rest.
  static var restMilliseconds: UInt64 { 200 }

  /// Starts a queue pair; traffic flows when all pairs of the device have been started.
  ///
  /// - Parameter cancelFile: a file that becomes readable when the start is to be abandoned, or -1.
  /// - Throws: what the device or the transport says. Nothing is started then.
  public init(_ device: VirtioNetDevice, pair index: Int = 0, cancelFile: Int32 = -1) throws(VirtioError) {
    self.device = device
    self.index = index
    presence = device.transport.presence
    let stageCount = 2 * Burst.capacity
    waiting = BufferStore(capacity: device.options.receiveQueueSize + stageCount)
    returning = BufferStore(capacity: device.options.transmitQueueSize + stageCount)
    callFiles = (device.transport.callFile(2 * index), device.transport.callFile(2 * index + 1))
    wakeFile = device.transport.wakeFile(index)
    device.open(index)
    device.askToJoinAndWait(index, cancelFile: cancelFile)
    if let failure = device.answers[index].failure {
      device.close(index, [])
      throw failure
    }
    isAsking = true
    _ = recover()
  }

  deinit { device.close(index, map.table.regions) }

  // MARK: Coming and going

  /// Whether the device can be used; looks whether it still is there.
  ///
  /// - Complexity: two loads; where something has changed, as long as the transport needs.
  @inline(__always)
  mutating func isReady() -> Bool {
    let isCurrent =
      isJoined && presence.mark == session.mark && device.generation.load(ordering: .relaxed) == session.generation
    return isCurrent && !session.isBroken() ? true : recover()
  }

  /// Leaves a session that is over, asks for the next one when it is time, and adopts it when it is ready. Waits for nothing.
  @inline(never)
  private mutating func recover() -> Bool {
    if isJoined {
      guard device.leave(session) else { return false }
      takeAllHome()
      counters.losses &+= 1
      nextAttempt = MonotonicTime(nanoseconds: 0)
      // One that lies, or begins again by itself, is not asked again at once.
      if presence.isPresent { postponeAttempt(at: .now) }
    }
    guard receiveAllowance == .max else { return false }
    if !isAsking {
      guard presence.isPresent, MonotonicTime.now >= nextAttempt else { return false }
      isAsking = true
      device.askToJoin(index)
    }
    do throws(VirtioError) {
      if let failure = device.answers[index].failure { throw failure }
      guard let next = try device.answers[index].take(from: device) else { return false }
      session = next
    } catch {
      isAsking = false
      diagnostic = error
      // One that went is back only when the transport has waited for it.
      if error.code != .gone {
        counters.failedJoins &+= 1
        postponeAttempt(at: .now)
      }
      return false
    }
    adopt()
    return true
  }

  private mutating func postponeAttempt(at now: MonotonicTime) {
    let life = hasJoined ? now.nanoseconds &- joinTime.nanoseconds : 0
    nextAttempt = now.advanced(byMilliseconds: backOff.next(afterNanoseconds: life))
    joinTime = now
  }

  private mutating func adopt() {
    diagnostic = nil
    isAsking = false
    isJoined = true
    if hasJoined { counters.returns &+= 1 }
    hasJoined = true
    joinTime = .now
    postWaiting()
    notify()
  }

  /// The device holds nothing any more.
  private mutating func takeAllHome() {
    isJoined = false
    if var pair = session.split.take() { takeHome(&pair) }
    if var pair = session.packed.take() { takeHome(&pair) }
    session = VirtioNetSession()
  }

  private mutating func takeHome<Ring: VirtqueueRing>(_ pair: inout VirtioNetPair<Ring>) {
    counters.pastFaults.add(pair.faults)
    counters.pastKicks &+= pair.kickCount
    var gone: UInt64 = 0
    pair.takeAll(
      freeBuffers: { buffer in wait(buffer) },
      sent: { buffer in
        if buffer.flags.contains(.last) { gone &+= 1 }
        returning.append(buffer)
      })
    counters.deviceGone &+= gone
  }

  /// Keeps an empty buffer for the device. It is no part of a run any more, whose end may never come: that of a packet which the
  /// device did not finish, or one that has place only in the next burst.
  mutating func wait(_ buffer: consuming Buffer) {
    buffer.reset()
    waiting.append(buffer)
  }

  /// Makes the buffers that waited available again.
  mutating func postWaiting() {
    var burst = Burst()
    while !waiting.isEmpty {
      while burst.room > 0, let buffer = waiting.popFirst() { burst.append(buffer) }
      _ = session.split?.receiving.postEmpty(&burst, map)
      _ = session.packed?.receiving.postEmpty(&burst, map)
      if !burst.isEmpty { break }
    }
    while let buffer = burst.popFirst() { waiting.append(buffer) }
  }
}
