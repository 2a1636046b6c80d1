public import CleanQ
internal import Glibc

/// A queue whose user can sleep until the other side notifies.
public protocol SleepingQueue: Queue, ~Copyable {
  /// Asks to be woken.
  ///
  /// - Returns: false where something has arrived already, so that sleeping would be wrong.
  mutating func arm() -> Bool

  /// Ends what ``arm()`` began.
  mutating func disarm()

  /// Become readable when the other side notifies after ``arm()``.
  var wakeFileDescriptors: [Int32] { get }
}

extension RingQueue: SleepingQueue {
  public var wakeFileDescriptors: [Int32] { [wakeFileDescriptor] }
}

/// A queue's calls for sleeping, where it has them.
struct Sleep<Subject: ~Copyable> {
  let arm: (inout Subject) -> Bool
  let disarm: (inout Subject) -> Void
  let files: (borrowing Subject) -> [Int32]
}

extension Sleep where Subject: SleepingQueue & ~Copyable {
  init() {
    arm = { $0.arm() }
    disarm = { $0.disarm() }
    files = { $0.wakeFileDescriptors }
  }
}

/// Whether one of the files is readable within this number of milliseconds.
func isAnyReadable(_ files: [Int32], milliseconds: Int32) -> Bool {
  var requests = files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  let count = nfds_t(requests.count)
  // SAFETY: the pointer is good for the call, and the count is the array's.
  return unsafe requests.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, count, milliseconds) } > 0
}
