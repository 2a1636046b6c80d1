internal import CPlatform
internal import CleanQ
internal import Glibc

/// An eventfd, non-blocking; closed when the value goes. Sendable.
final class EventFile: Sendable {
  let file: Int32

  /// - Throws: `system` where the process has no file descriptors left.
  init(name: String) throws(VirtioError) {
    file = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard file >= 0 else { throw VirtioError(.system, errno: errno, context: "\(name): no eventfd") }
  }

  deinit { if file >= 0 { close(file) } }

  /// Makes it readable.
  func ring() {
    var one: UInt64 = 1
    // SAFETY: eight bytes of a local variable. A counter that is full is readable already.
    _ = unsafe write(file, &one, 8)
  }

  /// Waits, for a time.
  func waitUntilReadable(timeoutMilliseconds: Int) -> Bool {
    var files = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    // SAFETY: one local variable.
    return unsafe poll(&files, 1, Int32(clamping: timeoutMilliseconds)) > 0
  }
}
