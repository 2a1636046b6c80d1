internal import CPlatform
internal import Glibc

/// Adds to eventfds that another process also has, and never waits.
///
/// write(2) waits while the counter is full, unless `O_NONBLOCK` is set; both are in the hands of every process that has the
/// descriptor. The kernel itself never waits when it adds to an eventfd. So this reads no bytes of `/dev/null` by io_submit(2),
/// with the eventfd to be notified of the completion (`IOCB_FLAG_RESFD`). Costs about twice as much as write(2), and is done only
/// where the other side asks to be notified.
///
/// Sendable; for any number of threads and eventfds.
package final class SharedEventWriter: Sendable {
  /// What ``signal(_:context:source:)`` needs, valid while the object lives.
  package let context: UInt
  package let source: Int32

  private static let capacity: UInt32 = 128

  /// Sets `errno` and returns nil where the system has no asynchronous I/O (`CONFIG_AIO`), or no room for one more.
  package init?() {
    var context: UInt = 0
    // SAFETY: the string is a literal.
    let source = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    // SAFETY: a local variable.
    guard source >= 0, unsafe cplatform_completion_create(Self.capacity, &context) == 0 else {
      let number = errno
      if source >= 0 { close(source) }
      errno = number
      return nil
    }
    (self.context, self.source) = (context, source)
  }

  deinit {
    cplatform_completion_destroy(context)
    close(source)
  }

  /// Adds 1 to an eventfd, or sees that it is full.
  ///
  /// - Complexity: one system call; two more each time that the context is full of completions.
  package static func signal(_ file: Int32, context: UInt, source: Int32) {
    // Another thread may fill the room that this one has made.
    for _ in 0..<8 {
      guard cplatform_completion_signal(context, source, file) < 0, errno == EAGAIN else { return }
      cplatform_completion_reap(context)
    }
  }
}
