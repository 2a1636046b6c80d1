internal import CPlatform
internal import Glibc

/// An eventfd of this process alone, non-blocking: readable once something has been written to it, until it is read. Closed when
/// the object goes. Sendable.
///
/// One whose descriptor is passed to another process is never written here: that process can clear `O_NONBLOCK`. See
/// ``SharedEventWriter``.
package final class EventFile: Sendable {
  /// Its descriptor, which stays this object's.
  package let number: Int32

  /// Sets `errno` and returns nil where the process has no file descriptors left.
  package init?() {
    number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    if number < 0 { return nil }
  }

  deinit { if number >= 0 { close(number) } }

  /// Makes it readable.
  package func signal() { Self.signal(number) }

  /// Makes an eventfd of this process alone readable.
  package static func signal(_ number: Int32) {
    var one: UInt64 = 1
    // SAFETY: eight bytes of a local variable. A counter that is full is readable already.
    _ = unsafe write(number, &one, 8)
  }

  /// Waits, for a time.
  package func waitUntilReadable(timeoutMilliseconds: Int) -> Bool {
    var file = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    // SAFETY: one local variable.
    return unsafe poll(&file, 1, Int32(clamping: timeoutMilliseconds)) > 0
  }

  /// Takes what any eventfd has counted. Does not wait, also where another process has cleared `O_NONBLOCK`.
  package static func clear(_ number: Int32) {
    var count: UInt64 = 0
    // SAFETY: eight bytes of a local variable.
    _ = unsafe cplatform_event_take(number, &count)
  }
}
