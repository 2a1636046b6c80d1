internal import CPlatform
internal import Glibc

/// A file that is readable while it is armed for another file and that one is readable.
///
/// An epoll set which contains the other file only while it is armed: a port that has no buffers to read into, or has ended, sleeps
/// although its device has frames, and a busy port costs the device's sender nothing. No wake-up can be lost: adding a file to the set
/// looks at it first, so what came before counts too. Thread-confined; may be sent.
package struct WakeSet: ~Copyable, Sendable {
  private let epoll: OwnedFile
  private var isArmed = false

  private init(_ epoll: consuming OwnedFile) { self.epoll = epoll }

  /// One that can watch nothing.
  package static var none: WakeSet { WakeSet(.none) }

  /// Sets `errno` and returns nil where the process has no file descriptors left.
  package init?() {
    epoll = OwnedFile(owning: cplatform_epoll_create())
    if epoll.number < 0 { return nil }
  }

  /// What becomes readable; it stays this value's.
  package var file: Int32 { epoll.number }

  /// Watches a file, the same for as long as the set is armed.
  ///
  /// - Returns: false where the kernel refuses, so that sleeping would be wrong: a file that cannot be polled is always readable.
  package mutating func arm(_ other: Int32) -> Bool {
    if !isArmed { isArmed = cplatform_epoll_watch(epoll.number, other) == 0 }
    return isArmed
  }

  package mutating func disarm(_ other: Int32) {
    guard isArmed else { return }
    _ = cplatform_epoll_forget(epoll.number, other)
    isArmed = false
  }
}
