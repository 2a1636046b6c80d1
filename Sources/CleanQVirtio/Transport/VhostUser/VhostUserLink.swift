internal import CPlatform
internal import CleanQ
internal import CleanQPlatform
internal import Glibc
internal import Logging
internal import Synchronization

/// The connection to a back end, kept up: a thread of its own sleeps until the connection ends, and then makes a new one.
///
/// Sendable. A session is used under the link's lock; whatever the back end does wrong ends it.
final class VhostUserLink: Sendable {
  /// How long to wait before the first attempt to connect again, and at most.
  static let firstDelayMilliseconds = 5
  static let longestDelayMilliseconds = 500

  private struct State: ~Copyable {
    var session: VhostUserSession?
    var isClosing = false
  }

  let path: String
  let name: String
  let presence = VirtioPresence()
  private let state: Mutex<State>
  private let logger: Logger
  /// Rung for everyone who sleeps, whenever the presence changes.
  private let bells: [EventFile]
  /// Wakes the monitor at the end.
  private let closing: EventFile
  /// The memory that the back end maps.
  let pages: VhostUserSharedPages
  /// How many regions the back end could map when it was met first.
  let memorySlotCount: Int
  private let sessionCount = Atomic<UInt64>(1)
  private let faultCount = Atomic<UInt64>(0)

  /// Connects for the first time.
  ///
  /// - Throws: VirtioError where there is no back end that speaks the protocol.
  init(path: String, name: String, bells: [EventFile], logger: Logger) throws(VirtioError) {
    self.path = path
    self.name = name
    self.bells = bells
    self.logger = logger
    closing = try EventFile.make(for: name)
    pages = try VhostUserSharedPages(name: name, logger: logger)
    let socket = try VhostUserSocket(path: path, name: name)
    let session: VhostUserSession
    do { session = try VhostUserSession(socket, number: 1) } catch {
      throw VirtioError(
        .broken, context: "\(name): what listens there does not speak vhost-user: \(error); name a back end's socket")
    }
    memorySlotCount = session.memorySlotCount
    state = Mutex(State(session: session))
  }

  /// How many connections there were.
  var connectionCount: UInt64 { sessionCount.load(ordering: .relaxed) }

  /// How many of them ended because of something that the back end said, or did not say.
  var brokenCount: UInt64 { faultCount.load(ordering: .relaxed) }

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

  /// Ends the session, so that the monitor makes a new one.
  private func lose(_ state: inout State, because fault: VhostUserFault) {
    guard let session = state.session else { return }
    session.socket.shutDown()
    state.session = nil
    presence.vanish()
    if fault != .closed { faultCount.add(1, ordering: .relaxed) }
    if !state.isClosing { logger.warning("\(name): the back end is gone: \(fault); trying again") }
    for bell in bells { bell.signal() }
  }

  /// Ends everything; the monitor returns soon after.
  func close() {
    state.withLock { state in
      state.isClosing = true
      state.session?.socket.shutDown()
      state.session = nil
    }
    closing.signal()
  }
}

extension VhostUserLink {
  /// The monitor: returns after ``close()``.
  func keepUp() {
    var delayMilliseconds = Self.firstDelayMilliseconds
    while let session = state.withLock({ $0.isClosing ? nil : Optional($0.session) }) {
      if let session {
        delayMilliseconds = Self.firstDelayMilliseconds
        let isEnd = waitForEnd(of: session.socket)
        let loss = pages.takeLoss()
        if isEnd || loss != nil {
          state.withLock { state in
            if state.session?.number == session.number { lose(&state, because: loss ?? .closed) }
          }
        }
      } else if !closing.waitUntilReadable(timeoutMilliseconds: delayMilliseconds) {
        connectAgain()
        delayMilliseconds = min(2 * delayMilliseconds, Self.longestDelayMilliseconds)
      }
    }
  }

  /// Sleeps until the other side, or this one, ends the connection, or the link closes, or memory is lost.
  private func waitForEnd(of socket: VhostUserSocket) -> Bool {
    var files = [
      pollfd(fd: socket.file, events: Int16(CPLATFORM_POLLRDHUP), revents: 0),
      pollfd(fd: closing.number, events: Int16(POLLIN), revents: 0),
      pollfd(fd: pages.file.number, events: Int16(POLLIN), revents: 0),
    ]
    // SAFETY: the array outlives the call and its count is passed with it.
    _ = unsafe poll(&files, nfds_t(files.count), -1)
    return files[0].revents != 0
  }

  /// Connects and makes acquaintance without holding the lock; nobody else makes sessions.
  private func connectAgain() {
    guard pages.restore(), let socket = try? VhostUserSocket(path: path, name: name) else { return }
    let number = sessionCount.load(ordering: .relaxed) + 1
    guard let session = try? VhostUserSession(socket, number: number) else {
      faultCount.add(1, ordering: .relaxed)
      return
    }
    sessionCount.store(number, ordering: .relaxed)
    let isOpen = state.withLock { state in
      guard !state.isClosing else { return false }
      state.session = session
      presence.comeBack()
      return true
    }
    guard isOpen else { return }
    logger.notice("\(name): the back end is back")
    for bell in bells { bell.signal() }
  }
}
