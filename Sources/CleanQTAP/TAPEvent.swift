/// What somebody else does to a TAP device, or happens to its frames.
///
/// Frames are dropped on the fast path, where nothing but a counter is touched; what the counters have gained is said at the next look,
/// twice a second at most.
public enum TAPEvent: Sendable, Equatable {
  /// The device is open; it was made, or was there before.
  case opened(isNew: Bool)
  /// io_uring is not available: each frame takes a system call.
  case withoutUring(reason: String)
  /// The kernel takes no GSO batches: each datagram goes alone.
  case withoutSegmentation
  /// The kernel's side was set up or down.
  case linkChanged(isUp: Bool)
  /// The link's MTU is another. The longest packet that the buffers hold is `room`; nil where there is none to be looked at.
  case mtuChanged(from: Int, to: Int, room: Int?)
  /// The kernel dropped frames in front of the device.
  case kernelDropped(count: UInt64)
  /// Frames longer than the MTU allows were dropped; the longest packet so far has `longest` bytes.
  case oversize(count: UInt64, mtu: Int, longest: Int)
  /// Frames that no buffer holds, or that are none, were dropped.
  case truncated(count: UInt64)
  /// The kernel refused frames.
  case refused(count: UInt64)
  /// The device was removed: the port has ended. Said once.
  case removed(reason: String)
}

/// Is told of each event on the thread that drives the port; returns soon.
public typealias TAPEventHandler = @Sendable (TAPEvent) -> Void
