internal import CPlatform
internal import CleanQ
internal import CleanQPipeline
internal import Glibc

/// A file that is readable while the port is armed and the device has a frame.
///
/// An epoll set which contains the device only while the port is armed: a port that has no buffers to read into, or has
/// ended, sleeps although frames wait, and a busy port costs the kernel's sender nothing. No wake-up can be lost: adding a
/// file to the set looks at it first, so a frame that came before counts too.
struct TAPWaker: ~Copyable, Sendable {
  let file: Int32
  private var isArmed = false

  init(stage: String) throws(StageError) {
    file = cplatform_epoll_create()
    let number = errno
    if file < 0 { throw StageError(stage, "no file to wait with: \(systemErrorText(number))", errno: number) }
  }

  deinit { if file >= 0 { close(file) } }

  /// Watches the device.
  ///
  /// - Returns: false where the kernel refuses, so that sleeping would be wrong.
  mutating func arm(_ device: Int32) -> Bool {
    if !isArmed { isArmed = cplatform_epoll_watch(file, device) == 0 }
    return isArmed
  }

  mutating func disarm(_ device: Int32) {
    guard isArmed else { return }
    _ = cplatform_epoll_forget(file, device)
    isArmed = false
  }
}
