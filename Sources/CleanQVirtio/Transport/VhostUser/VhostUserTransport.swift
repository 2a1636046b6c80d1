public import CleanQ
internal import CleanQPlatform
internal import Glibc
public import Logging
internal import Synchronization

/// Reaches a virtio device over a vhost-user socket: memory is shared by passing memfds, kicks and calls are eventfds, and
/// the device is another process.
///
/// All talk is on a thread of the transport's own (``VhostUserLink``), which also makes the connection again when it ends;
/// ``presence`` says so. A call from another thread waits for that thread, for a bounded time; threads that move packets use
/// ``perform(_:)`` and do not wait. A back end that does not keep to the protocol, or takes longer than two seconds for a whole
/// handshake, loses its connection.
///
/// The descriptors that leave the process are those of memory (``VhostUserMemory``), of calls and of kicks. A flag of theirs, as
/// `O_NONBLOCK`, can be changed by the back end, and so can the count of an eventfd: kicks are given by ``SharedEventWriter``, calls
/// are polled and taken by `EventFile.clear`, and what wakes a thread for any other reason is an eventfd that nobody else has.
/// Source: [vhost-user], QEMU's docs/interop/vhost-user.rst.
public final class VhostUserTransport: VirtioTransport {
  /// What has been told to the back end, or is to be told when the driver is ready. Used on the link's thread only.
  struct State: ~Copyable {
    /// The session that ``reset()`` found, and to which all that follows belongs; 0 for none.
    var session: UInt64 = 0
    var status: VirtioStatus = []
    /// Regions that the back end of this session has been told of one by one.
    var told: [RegionID: VhostUserRegion] = [:]
    /// Vrings that it has been told of; they may run.
    var given: Set<Int> = []
    /// The virtqueues of the driver; given to the back end with DRIVER_OK, those that come later at once.
    var layouts: [Int: VirtqueueLayout] = [:]
    var isRunning: Bool { status.contains(.driverOK) }
  }

  public let name: String
  public var wantedBacking: RegionBacking { .shared }
  public var presence: VirtioPresence { link.presence }

  let link: VhostUserLink
  let state = Mutex(State())
  /// The memory that the back end is to reach, or will be told of when the driver is ready.
  let memory = Mutex(VhostUserMemory())
  let queueCount: Int
  let calls: [EventFile]
  let kicks: [EventFile]
  let kicker: SharedEventWriter
  /// One for each queue pair; never shared.
  private let wakeUps: [EventFile]
  /// Keeps the link up.
  private let monitor: SystemThread

  /// Connects to a back end.
  ///
  /// - Parameters:
  ///   - path: of the back end's socket.
  ///   - queuePairCount: how many queue pairs the driver will use, 1 to 128.
  ///   - logger: is told when the back end goes and comes.
  ///   - cancelFile: a file that becomes readable when the start is to be abandoned, or -1.
  /// - Throws: VirtioError that says what is wrong at the path.
  public init(
    path: String, queuePairCount: Int = 1, logger: Logger, cancelFile: Int32 = -1
  ) throws(VirtioError) {
    precondition((1...128).contains(queuePairCount), "a vhost-user device has 1 to 128 queue pairs")
    let name = "vhost-user(\(path))"
    self.name = name
    queueCount = 2 * queuePairCount
    calls = try EventFile.make(queueCount, for: name)
    kicks = try EventFile.make(queueCount, for: name)
    wakeUps = try EventFile.make(queuePairCount, for: name)
    guard let kicker = SharedEventWriter() else {
      throw VirtioError(
        .system, errno: errno,
        context: "\(name): no asynchronous I/O, by which back ends are notified; see /proc/sys/fs/aio-max-nr")
    }
    self.kicker = kicker
    let link = try VhostUserLink(path: path, name: name, bells: wakeUps, logger: logger)
    guard let monitor = SystemThread(name: "vhost-user", { link.keepUp() }) else {
      throw VirtioError(.system, errno: errno, context: "\(name): no thread to watch the connection with")
    }
    (self.link, self.monitor) = (link, monitor)
    let memorySlotCount = try Self.wait(for: link, name, cancelFile: cancelFile) { () throws(VirtioError) in
      try link.connectFirst()
    }
    // Each instance of a pipeline has a region of buffers, and all rings lie in one.
    guard queuePairCount < memorySlotCount else {
      throw VirtioError(
        .memory,
        context: "\(name): \(Self.diagnostic(aboutSlots: memorySlotCount))")
    }
  }

  deinit { link.end(monitor) }

  /// Why a back end cannot do with so many regions of memory: one is for the rings, and each queue pair has one.
  static func diagnostic(aboutSlots count: Int) -> String {
    let most = count - 1
    guard most > 0 else {
      let what = count == 1 ? "one region of memory only" : "no regions of memory"
      return "the back end maps \(what), and a queue pair needs two; it cannot be used, take another back end"
    }
    let pairs = most == 1 ? "one queue pair" : "\(most) queue pairs"
    return "the back end maps \(count) regions of memory, which do for \(pairs); ask for fewer queues"
  }

  /// How many connections there were, and how many of them ended because the back end broke the protocol.
  public var connectionCounts: (all: UInt64, broken: UInt64) { (link.connectionCount, link.brokenCount) }

  /// How many times a back end took away memory that it shares with this process.
  public var memoryLossCount: UInt64 { link.pages.lossCount }

  public var brokenConnectionCount: UInt64 { link.brokenCount }

  public func callFile(_ index: Int) -> Int32 { calls[index].number }

  public func wakeFile(_ pair: Int) -> Int32 { wakeUps[pair].number }

  public func perform(_ work: @escaping @Sendable () -> Void) { link.perform(work) }

  public func abandon() { link.abandon() }

  /// The mark changes only as a session ends and the next begins.
  public func holdsNothing(since mark: UInt64) -> Bool { presence.mark != mark }

  // MARK: The link's thread

  /// Does work on the link's thread, and waits for it.
  ///
  /// - Throws: what it throws; `gone` where there is no end of it, and then the session ends.
  func onLink<Value: Sendable>(
    _ work: @escaping @Sendable (VhostUserTransport) throws(VirtioError) -> Value
  ) throws(VirtioError) -> Value {
    if link.isCurrent { return try work(self) }
    return try Self.wait(for: link, name) { () throws(VirtioError) in try work(self) }
  }

  /// A little longer than the longest exchange.
  private static func wait<Value: Sendable>(
    for link: VhostUserLink, _ name: String, cancelFile: Int32 = -1,
    _ work: @escaping @Sendable () throws(VirtioError) -> Value
  ) throws(VirtioError) -> Value {
    let completion = Completion<Result<Value, VirtioError>>()
    link.perform {
      do throws(VirtioError) { completion.finish(.success(try work())) } catch { completion.finish(.failure(error)) }
    }
    let limit = VhostUserSocket.handshakeMilliseconds + 500
    if let result = completion.wait(milliseconds: limit, cancelFile: cancelFile) {
      return try result.get()
    }
    link.abandon()
    throw VirtioError(.gone, context: "\(name): the back end does not answer in time")
  }

  /// Talks within the session that the driver knows. On the link's thread.
  ///
  /// - Throws: `gone` where that has ended; the driver begins again with ``reset()``.
  func talk<Result>(
    _ state: borrowing State, _ body: (VhostUserSession) throws(VhostUserFault) -> Result
  ) throws(VirtioError) -> Result {
    let known = state.session
    let result = try link.talk { session throws(VhostUserFault) -> Result? in
      session.number == known ? try body(session) : nil
    }
    guard let result, let result else {
      throw VirtioError(
        .gone, context: "\(name): the back end has closed the connection; start it again, and then this")
    }
    return result
  }

  /// Another exchange than the handshake begins: the back end has this long for it.
  func allow(milliseconds: UInt64) throws(VirtioError) {
    _ = try link.talk { session throws(VhostUserFault) in session.socket.allow(milliseconds: milliseconds) }
  }
}
