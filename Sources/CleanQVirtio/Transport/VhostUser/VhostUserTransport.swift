public import CleanQ
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
  private let monitor: MonitorThread

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
    var calls: [EventFile] = []
    var kicks: [EventFile] = []
    for _ in 0..<queueCount {
      calls.append(try EventFile(name: name))
      kicks.append(try EventFile(name: name))
    }
    self.calls = calls
    self.kicks = kicks
    link = try VhostUserLink(path: path, name: name, bells: calls, logger: logger)
    monitor = try MonitorThread(link)
  }

  deinit {
    link.close()
    monitor.join()
  }

  /// How many connections there were, and how many of them ended because the back end broke the protocol.
  public var connectionCounts: (all: UInt64, broken: UInt64) { (link.connectionCount, link.brokenCount) }

  public func callFile(_ index: Int) -> Int32 { calls[index].file }

  func kickFile(_ index: Int) -> Int32 { kicks[index].file }

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

/// A thread that keeps a link up.
final class MonitorThread: @unchecked Sendable {
  private let handle: pthread_t

  init(_ link: VhostUserLink) throws(VirtioError) {
    var handle = pthread_t()
    var blocked = sigset_t()
    var previous = sigset_t()
    // SAFETY: the sets are local variables. Signals are for the program's own threads.
    unsafe sigfillset(&blocked)
    unsafe pthread_sigmask(SIG_BLOCK, &blocked, &previous)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }
    // SAFETY: the link is retained here and released by the thread that gets its address, or below where there is none.
    let box = unsafe Unmanaged.passRetained(link)
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<VhostUserLink>.fromOpaque(argument).takeRetainedValue().keepUp()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      unsafe box.release()
      throw VirtioError(.system, errno: code, context: "\(link.name): no thread to watch the connection with")
    }
    self.handle = handle
  }

  /// Waits until the link has been closed and the thread has ended. Once.
  func join() { pthread_join(handle, nil) }
}
