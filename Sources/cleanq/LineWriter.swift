import CleanQ
import CleanQPlatform
import Glibc
import Synchronization

/// Standard output or standard error, behind a queue and a thread of its own: a reader that stops holds up that thread, and not
/// those that log. Sendable.
///
/// What is queued is written in its order. A log line that finds too much of the queue full is left out, and a later line says
/// how many were; what the command prints itself never is.
final class LineWriter: Sendable {
  static let standardOutput = LineWriter(STDOUT_FILENO, "standard output")
  static let standardError = LineWriter(STDERR_FILENO, "standard error")

  /// What has become of everything that was queued.
  enum Outcome: Equatable {
    case written
    /// An error number of write(2).
    case failed(Int32)
    /// The time was over, or the waiting was interrupted.
    case pending
  }

  private struct State {
    var queue: [UInt8] = []
    var leftOutCount = 0
    var isWriting = false
    var hasThread = false
    var error: Int32 = 0
  }

  /// The most bytes that wait for a reader before log lines are left out.
  static let maximumQueuedByteCount = 64 << 10

  /// What the file is called in messages.
  let name: String
  private let file: Int32
  private let state = Mutex(State())
  /// Readable when something was queued.
  private let work = EventFile()
  /// Readable when everything has been written, or could not be.
  private let rest = EventFile()

  init(_ file: Int32, _ name: String) {
    self.file = file
    self.name = name
  }

  /// Queues a log line, or leaves it out where too much waits. Never waits for the reader.
  func log(_ line: String) {
    add { state in
      guard state.queue.count < Self.maximumQueuedByteCount else {
        state.leftOutCount += 1
        return
      }
      Self.tellLeftOut(&state)
      state.queue += (line + "\n").utf8
    }
  }

  /// Queues text of the command's own, whole.
  func print(_ text: String) { add { $0.queue += (text + "\n").utf8 } }

  /// Waits until everything that was queued has been written.
  ///
  /// - Parameters:
  ///   - milliseconds: for how long; without end where it is negative.
  ///   - interrupt: a file that ends the waiting when it is readable and `isInterrupted` says so, or -1.
  func wait(milliseconds: Int, interrupt: Int32 = -1, isInterrupted: () -> Bool = { true }) -> Outcome {
    let start = MonotonicTime.now
    while true {
      let (isIdle, error) = state.withLock { ($0.queue.isEmpty && !$0.isWriting, $0.error) }
      if error != 0 { return .failed(error) }
      if isIdle { return .written }
      let passed = Int((MonotonicTime.now.nanoseconds - start.nanoseconds) / 1_000_000)
      if milliseconds >= 0, passed >= milliseconds { return .pending }
      var files = [
        pollfd(fd: rest?.number ?? -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0),
      ]
      // SAFETY: the array outlives the call and its count is passed with it.
      _ = unsafe poll(&files, 2, Int32(clamping: milliseconds < 0 ? -1 : milliseconds - passed))
      if files[0].revents != 0, let rest { EventFile.clear(rest.number) }
      if files[1].revents != 0, isInterrupted() { return .pending }
    }
  }

  private func add(_ change: (inout sending State) -> Void) {
    let needsThread = state.withLock { state in
      // Nobody will read what comes after an error.
      guard state.error == 0 else { return false }
      change(&state)
      defer { state.hasThread = true }
      return !state.hasThread
    }
    if needsThread, work == nil || rest == nil || SystemThread(name: "cleanq-output", { self.writeForEver() }) == nil {
      // Without a thread the caller writes, as ever.
      state.withLock { $0.hasThread = false }
      writeQueued()
    }
    work?.signal()
  }

  private static func tellLeftOut(_ state: inout State) {
    guard state.leftOutCount > 0 else { return }
    state.queue += "\(state.leftOutCount) log lines were left out because they were not read in time\n".utf8
    state.leftOutCount = 0
  }

  private func writeForEver() {
    guard let work, let rest else { return }
    while true {
      writeQueued()
      rest.signal()
      while !work.waitUntilReadable(timeoutMilliseconds: 60_000) {}
      EventFile.clear(work.number)
    }
  }

  private func writeQueued() {
    while true {
      let bytes = state.withLock { state in
        if state.queue.isEmpty { Self.tellLeftOut(&state) }
        let bytes = state.queue
        state.queue = []
        state.isWriting = !bytes.isEmpty
        return bytes
      }
      if bytes.isEmpty { return }
      let error = write(bytes)
      state.withLock { state in
        state.isWriting = false
        guard error != 0 else { return }
        state.error = error
        state.queue = []
      }
      if error != 0 { return }
    }
  }

  /// Writes everything. Returns 0 or an error number.
  private func write(_ bytes: [UInt8]) -> Int32 {
    var done = 0
    while done < bytes.count {
      // SAFETY: the array outlives the call, and the count of what is left of it is passed along.
      let count = unsafe bytes[done...].withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      if count >= 0 {
        done += count
        continue
      }
      guard errno == EAGAIN || errno == EINTR else { return errno }
      // Somebody else has made the file one that does not block.
      var wanted = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
      // SAFETY: one local variable.
      if errno == EAGAIN { _ = unsafe poll(&wanted, 1, 1000) }
    }
    return 0
  }
}
