internal import CPlatform
internal import CleanQ
internal import Glibc
internal import Synchronization

/// A connection to a back end: whole messages out, whole answers in, all of an exchange within a bounded time. Closed when the
/// value goes, which may wait: for files that the back end has sent, and nobody has received.
///
/// Sendable; one thread talks and lets it go, and another may bring about the end.
final class VhostUserSocket: Sendable {
  /// How long a back end may take for a whole handshake, from the first request to the answer to the last one. Only the time that is
  /// spent waiting for it counts.
  static let handshakeMilliseconds: UInt64 = 2000
  /// How long it may take to give everything back.
  static let stopMilliseconds: UInt64 = 250

  let file: Int32
  /// What the back end was allowed, and what is left of it.
  private let allowedMilliseconds = Atomic<UInt64>(handshakeMilliseconds)
  private let leftNanoseconds = Atomic<UInt64>(handshakeMilliseconds * 1_000_000)

  /// Connects to a path.
  ///
  /// - Throws: VirtioError with what is wrong there and what to do.
  init(path: String, name: String) throws(VirtioError) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
      throw VirtioError(
        .system, errno: ENAMETOOLONG, context: "\(name): a socket's path has 1 to 107 bytes; use a shorter one")
    }
    // SAFETY: the path is shorter than the field, checked above, and the field is zeroed.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in unsafe field.copyBytes(from: bytes) }
    file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard file >= 0 else { throw VirtioError(.system, errno: errno, context: "\(name): no socket to connect with") }
    // SAFETY: the address is a local variable of the size that is passed with it.
    let status = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe connect(file, generic, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status != 0 else { return }
    throw Self.diagnostic(about: path, name: name, errno: errno)
  }

  deinit { if file >= 0 { close(file) } }

  /// Says what is at a path that cannot be connected to.
  private static func diagnostic(about path: String, name: String, errno number: Int32) -> VirtioError {
    func error(_ context: String) -> VirtioError { VirtioError(.system, errno: number, context: "\(name): \(context)") }
    switch number {
    case ENOENT: return error("there is no socket at this path; start the back end first, or mend the path")
    case EACCES, EPERM: return error("no permission to connect; run as a user who may write to the socket")
    case EPROTOTYPE: return error("the socket is of another kind, not a stream; name a vhost-user back end's")
    case EAGAIN: return error("the back end accepts no connection; it may be serving another front end")
    case ECONNREFUSED where !isSocket(path): return error("this is a file and not a socket; name a back end's socket")
    case ECONNREFUSED: return error("nobody listens on the socket; start the back end, as the server")
    default: return error("cannot connect")
    }
  }

  private static func isSocket(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: the string and the variable outlive the call.
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }

  /// Ends the connection for both sides; a thread that waits for its end is woken.
  func shutDown() { _ = shutdown(file, Int32(SHUT_RDWR)) }

  /// Another exchange begins, for which the back end has this long.
  func allow(milliseconds: UInt64) {
    allowedMilliseconds.store(milliseconds, ordering: .relaxed)
    leftNanoseconds.store(milliseconds * 1_000_000, ordering: .relaxed)
  }

  /// Sends a whole message. The files go with its first byte.
  func send(_ message: VhostUserMessage, needsReply: Bool) throws(VhostUserFault) {
    try refuseUnasked()
    let bytes = message.bytes(needsReply: needsReply)
    var sent = 0
    while sent < bytes.count {
      let files = sent == 0 ? message.files : []
      // SAFETY: both arrays outlive the call and their counts are passed with them.
      let count = unsafe bytes.withUnsafeBytes { all in
        unsafe cplatform_send_with_files(
          file, all.baseAddress?.advanced(by: sent), bytes.count - sent, files, Int32(files.count))
      }
      if count > 0 { sent += count } else { try wait(for: POLLOUT, after: errno) }
    }
  }

  /// Receives the answer to a request.
  ///
  /// - Returns: its payload, of one of the sizes.
  func receive(_ request: VhostUserRequest, sizes: ClosedRange<Int>) throws(VhostUserFault) -> [UInt8] {
    let header = try receive(VhostUserMessage.headerByteCount)
    let byteCount = try VhostUserReply.payloadByteCount(header: header, of: request, sizes: sizes)
    return try receive(byteCount)
  }

  private func receive(_ byteCount: Int) throws(VhostUserFault) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var received = 0
    var hadFiles: Int32 = 0
    while received < byteCount {
      // SAFETY: the array outlives the call, and what is left of it is passed as the size.
      let count = unsafe bytes.withUnsafeMutableBytes { all in
        unsafe cplatform_receive_without_files(
          file, all.baseAddress?.advanced(by: received), byteCount - received, &hadFiles)
      }
      if hadFiles != 0 { throw .files }
      if count == 0 { throw .closed }
      if count > 0 { received += count } else { try wait(for: POLLIN, after: errno) }
    }
    return bytes
  }

  /// Waits until the socket can go on, where `number` says that it could not.
  private func wait(for event: Int32, after number: Int32) throws(VhostUserFault) {
    switch number {
    case EAGAIN, EINTR: break
    case EPIPE, ECONNRESET: throw .closed
    default: throw .system(number)
    }
    let left = leftNanoseconds.load(ordering: .relaxed)
    guard left > 0 else { throw .silent(milliseconds: allowedMilliseconds.load(ordering: .relaxed)) }
    let start = MonotonicTime.now.nanoseconds
    var files = pollfd(fd: file, events: Int16(event), revents: 0)
    // SAFETY: one local variable.
    _ = unsafe poll(&files, 1, Int32(clamping: left / 1_000_000 + 1))
    let waited = MonotonicTime.now.nanoseconds &- start
    leftNanoseconds.store(left > waited ? left - waited : 0, ordering: .relaxed)
  }

  /// Nothing may be there before a question is asked.
  private func refuseUnasked() throws(VhostUserFault) {
    var byte: UInt8 = 0
    // SAFETY: one byte of a local variable.
    let count = unsafe recv(file, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    if count > 0 { throw .unasked }
    if count == 0 { throw .closed }
  }
}
