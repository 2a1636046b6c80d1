public import CleanQ
internal import CleanQPlatform
internal import Glibc
public import Logging
internal import Synchronization

/// Reaches a virtio device over a vhost-user socket: memory is shared by passing memfds, kicks and calls are eventfds, and
/// the device is another process.
///
/// The connection is watched by a thread of the transport's own, and made again when it ends; ``presence`` says so. A back
/// end that does not keep to the protocol, or is silent for two seconds, loses its connection.
/// Source: [vhost-user], QEMU's docs/interop/vhost-user.rst.
public final class VhostUserTransport: VirtioTransport {
  /// What has been told to the back end, or is to be told when the driver is ready.
  struct State: ~Copyable {
    /// The session that ``reset()`` found, and to which all that follows belongs; 0 for none.
    var session: UInt64 = 0
    var status: VirtioStatus = []
    var memory = VhostUserMemory()
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
  let queueCount: Int
  let calls: [EventFile]
  private let kicks: [EventFile]
  /// Keeps the link up.
  private let monitor: SystemThread

  /// Connects to a back end.
  ///
  /// - Parameters:
  ///   - path: of the back end's socket.
  ///   - queuePairCount: how many queue pairs the driver will use, 1 to 128.
  ///   - logger: is told when the back end goes and comes.
  /// - Throws: VirtioError that says what is wrong at the path.
  public init(path: String, queuePairCount: Int = 1, logger: Logger) throws(VirtioError) {
    precondition((1...128).contains(queuePairCount), "a vhost-user device has 1 to 128 queue pairs")
    name = "vhost-user(\(path))"
    queueCount = 2 * queuePairCount
    calls = try EventFile.make(queueCount, for: name)
    kicks = try EventFile.make(queueCount, for: name)
    let link = try VhostUserLink(path: path, name: name, bells: calls, logger: logger)
    // Each copy of a pipeline has a region of buffers, and all rings lie in one.
    guard queuePairCount < link.memorySlotCount else {
      throw VirtioError(
        .memory,
        context: "\(name): the back end maps \(link.memorySlotCount) regions of memory, which do for "
          + "\(link.memorySlotCount - 1) queue pairs; ask for fewer queues")
    }
    guard let monitor = SystemThread(name: "vhost-user", { link.keepUp() }) else {
      throw VirtioError(.system, errno: errno, context: "\(name): no thread to watch the connection with")
    }
    (self.link, self.monitor) = (link, monitor)
  }

  deinit {
    link.close()
    monitor.join()
  }

  /// How many connections there were, and how many of them ended because the back end broke the protocol.
  public var connectionCounts: (all: UInt64, broken: UInt64) { (link.connectionCount, link.brokenCount) }

  /// How many times a back end took away memory that it shares with this process.
  public var memoryLossCount: UInt64 { link.pages.lossCount }

  public func callFile(_ index: Int) -> Int32 { calls[index].number }

  func kickFile(_ index: Int) -> Int32 { kicks[index].number }

  /// Talks within the session that the driver knows.
  ///
  /// - Throws: `gone` where that has ended; the driver begins again with ``reset()``.
  func talk<Result>(
    _ state: borrowing State, _ body: (VhostUserSession) throws(VhostUserFault) -> Result
  ) throws(VirtioError) -> Result {
    let known = state.session
    let result = try link.talk { session throws(VhostUserFault) -> Result? in
      session.number == known ? try body(session) : nil
    }
    guard let result, let result else { throw VirtioError(.gone, context: "\(name): the back end is gone") }
    return result
  }
}
