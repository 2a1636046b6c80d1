internal import CPlatform
internal import CleanQ
internal import CleanQPipeline
internal import CleanQPlatform
internal import Glibc
internal import Logging
internal import Synchronization

/// The connection to a back end, kept up by a thread of its own: there it is made, talked over, closed, and made again. No other
/// thread waits for the back end, nor for the kernel to close what the back end has sent.
///
/// Sendable. Any error of the back end ends the session.
final class VhostUserLink: Sendable {
  /// The link's thread's own.
  private struct State: ~Copyable {
    var session: VhostUserSession?
    /// When the session began.
    var start = MonotonicTime(nanoseconds: 0)
    /// Do not connect before.
    var nextAttempt = MonotonicTime.never
    /// While nobody listens.
    var absence = BackOff(firstMilliseconds: 5, longestMilliseconds: 500)
    /// After sessions that did not last.
    var failure = BackOff(firstMilliseconds: 5, longestMilliseconds: 3000)
    var goneLog: LimitedLog
    var backLog: LimitedLog
    var refusalLog: LimitedLog

    init(_ logger: Logger) {
      (goneLog, backLog, refusalLog) = (LimitedLog(logger), LimitedLog(logger), LimitedLog(logger))
    }
  }

  let path: String
  let name: String
  let presence = VirtioPresence()
  private let state: Mutex<State>
  /// Work for the thread, in order.
  private let mailbox = Mutex<[@Sendable () -> Void]>([])
  /// Wakes the thread.
  private let mail: EventFile
  /// The socket that the thread uses, for whoever has to end it. The thread holds it too, and lets go last.
  private let socket = Mutex<VhostUserSocket?>(nil)
  /// Rung for everyone who sleeps, whenever the presence changes.
  private let bells: [EventFile]
  /// The memory that the back end maps.
  let pages: VhostUserSharedPages
  private let isClosing = Atomic<Bool>(false)
  private let isAbandoned = Atomic<Bool>(false)
  /// `pthread_self` of the thread while it runs, 0 before, `UInt.max` once it has ended.
  private let thread = Atomic<UInt>(0)
  private let sessionCount = Atomic<UInt64>(0)
  private let faultCount = Atomic<UInt64>(0)

  private static let ended = UInt.max
  /// How long to wait for the thread's end: the kernel may be closing a back end's files on it.
  private static let endMilliseconds: UInt64 = 100

  init(path: String, name: String, bells: [EventFile], logger: Logger) throws(VirtioError) {
    self.path = path
    self.name = name
    self.bells = bells
    pages = try VhostUserSharedPages(name: name, logger: logger)
    mail = try EventFile.make(for: name)
    state = Mutex(State(logger))
  }

  /// How many connections there were.
  var connectionCount: UInt64 { sessionCount.load(ordering: .relaxed) }

  /// How many of them ended because of something that the back end said, or did not say.
  var brokenCount: UInt64 { faultCount.load(ordering: .relaxed) }

  // MARK: For any thread

  /// Whether the calling thread is the link's.
  var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

  /// Runs work on the link's thread, in order.
  func perform(_ work: @escaping @Sendable () -> Void) {
    mailbox.withLock { $0.append(work) }
    mail.signal()
  }

  /// Ends the session because the back end takes too long.
  func abandon() {
    isAbandoned.store(true, ordering: .relaxed)
    socket.withLock { $0?.shutDown() }
  }

  /// Ends everything, and the thread, which is left alone where the kernel keeps it.
  func end(_ monitor: SystemThread) {
    isClosing.store(true, ordering: .sequentiallyConsistent)
    socket.withLock { $0?.shutDown() }
    mail.signal()
    let deadline = MonotonicTime.now.advanced(byMilliseconds: Self.endMilliseconds)
    // Acquires what the thread did.
    while !isCurrent, thread.load(ordering: .acquiring) != Self.ended, MonotonicTime.now < deadline { usleep(100) }
    if thread.load(ordering: .acquiring) == Self.ended { monitor.join() } else { monitor.detach() }
  }

  // MARK: For the link's thread

  /// Talks to the back end, if it is there.
  ///
  /// - Returns: nil where it is not.
  /// - Throws: `broken` where it does not keep to the protocol; the session has ended then. `refused` where it refused.
  func talk<Result>(
    _ body: (VhostUserSession) throws(VhostUserFault) -> Result
  ) throws(VirtioError) -> Result? {
    let outcome = state.withLock { state -> Swift.Result<Result?, VhostUserFault> in
      guard let session = state.session else { return .success(nil) }
      do throws(VhostUserFault) { return .success(try body(session)) } catch {
        if case .refused = error { return .failure(error) }
        lose(&state, because: error)
        return .failure(error)
      }
    }
    switch outcome {
    case .success(let result): return result
    case .failure(.closed): return nil
    case .failure(let fault):
      if case .refused = fault { throw VirtioError(.refused, context: "\(name): the back end: \(fault)") }
      throw VirtioError(.broken, context: "\(name): the back end broke the protocol: \(fault)")
    }
  }

  /// Connects for the first time.
  ///
  /// - Returns: how many regions the back end can map.
  /// - Throws: VirtioError where there is no back end that speaks the protocol.
  func connectFirst() throws(VirtioError) -> Int {
    let connection = try VhostUserSocket(path: path, name: name)
    let session: VhostUserSession
    do throws(VhostUserFault) { session = try acquaint(connection) } catch {
      throw VirtioError(
        .broken, context: "\(name): what listens there does not speak vhost-user: \(error); name a back end's socket")
    }
    state.withLock { state in
      state.session = session
      state.start = .now
    }
    return session.memorySlotCount
  }

  /// The thread: returns after ``end(_:)``.
  func keepUp() {
    thread.store(UInt(pthread_self()), ordering: .relaxed)
    while !isClosing.load(ordering: .sequentiallyConsistent) {
      work()
      state.withLock { state in
        if state.session == nil, MonotonicTime.now >= state.nextAttempt { connectAgain(&state) }
      }
      sleep()
    }
    work()
    state.withLock { $0.session = nil }
    socket.withLock { $0 = nil }
    thread.store(Self.ended, ordering: .releasing)
  }

  private func work() {
    while true {
      let all = mailbox.withLock { mailbox in
        let all = mailbox
        mailbox = []
        return all
      }
      if all.isEmpty { return }
      for work in all { work() }
    }
  }

  /// Sleeps until there is work, either side ends the connection, or it is time for an attempt to connect.
  private func sleep() {
    let (session, nextAttempt) = state.withLock { ($0.session, $0.nextAttempt) }
    var files = [
      pollfd(fd: mail.number, events: Int16(POLLIN), revents: 0),
      // A negative number is passed over.
      pollfd(fd: session?.socket.file ?? -1, events: Int16(CPLATFORM_POLLRDHUP), revents: 0),
      pollfd(fd: pages.file.number, events: Int16(POLLIN), revents: 0),
    ]
    var timeoutMilliseconds: Int32 = -1
    if session == nil, nextAttempt < .never {
      let now = MonotonicTime.now
      let left = nextAttempt > now ? nextAttempt.nanoseconds - now.nanoseconds : 0
      timeoutMilliseconds = Int32(clamping: left / 1_000_000 + 1)
    }
    // SAFETY: the array outlives the call and its count is passed with it.
    _ = unsafe poll(&files, nfds_t(files.count), timeoutMilliseconds)
    if files[0].revents != 0 { EventFile.clear(mail.number) }
    if files[2].revents != 0, let loss = pages.takeLoss() { state.withLock { lose(&$0, because: loss) } }
    if files[1].revents != 0 { state.withLock { lose(&$0, because: .closed) } }
  }

  /// Makes acquaintance over a connection that other threads can end.
  private func acquaint(_ connection: VhostUserSocket) throws(VhostUserFault) -> VhostUserSession {
    isAbandoned.store(false, ordering: .relaxed)
    socket.withLock { $0 = connection }
    // Whoever closes the link before this is not seen by `end`, and after it sees the socket.
    if isClosing.load(ordering: .sequentiallyConsistent) { throw .closed }
    do throws(VhostUserFault) {
      let session = try VhostUserSession(connection, number: sessionCount.load(ordering: .relaxed) + 1)
      sessionCount.add(1, ordering: .relaxed)
      return session
    } catch {
      socket.withLock { $0 = nil }
      throw error
    }
  }

  private func connectAgain(_ state: inout State) {
    guard pages.restore(), let connection = try? VhostUserSocket(path: path, name: name) else {
      state.nextAttempt = MonotonicTime.now.advanced(byMilliseconds: state.absence.next())
      return
    }
    state.absence.reset()
    do throws(VhostUserFault) { state.session = try acquaint(connection) } catch {
      faultCount.add(1, ordering: .relaxed)
      let now = MonotonicTime.now
      state.nextAttempt = now.advanced(byMilliseconds: state.failure.next())
      if !isClosing.load(ordering: .relaxed) {
        state.refusalLog.log(
          at: now,
          "\(name): what listens there now does not speak vhost-user: \(error); start the back end there; trying again")
      }
      return
    }
    state.start = .now
    presence.comeBack()
    state.backLog.log(.notice, at: state.start, "\(name): the back end is back")
    for bell in bells { bell.signal() }
  }

  /// Ends the session, so that the thread makes a new one.
  private func lose(_ state: inout State, because fault: VhostUserFault) {
    guard let session = state.session else { return }
    session.socket.shutDown()
    state.session = nil
    socket.withLock { $0 = nil }
    presence.vanish()
    let now = MonotonicTime.now
    state.nextAttempt = now.advanced(
      byMilliseconds: state.failure.next(afterNanoseconds: now.nanoseconds - state.start.nanoseconds))
    if fault != .closed { faultCount.add(1, ordering: .relaxed) }
    if !isClosing.load(ordering: .relaxed) {
      let reason = isAbandoned.load(ordering: .relaxed) ? "it did not answer in time" : "\(fault)"
      state.goneLog.log(at: now, "\(name): the back end is gone: \(reason); trying again")
    }
    for bell in bells { bell.signal() }
  }
}
