import CleanQ
import Glibc

/// A queue as the property test drives it: the contract's interface, and the sleep of those that can.
protocol TestedQueue: Queue, ~Copyable {
  /// Arms and looks again.
  ///
  /// - Returns: whether it may sleep.
  mutating func fallAsleep() -> Bool
  mutating func wake()
  /// Whether somebody who sleeps would be woken.
  var isCalled: Bool { get }
}

extension RingQueue: TestedQueue {
  mutating func fallAsleep() -> Bool {
    if arm() { return true }
    disarm()
    return false
  }

  mutating func wake() { disarm() }

  var isCalled: Bool {
    var entry = pollfd(fd: wakeFileDescriptor, events: Int16(POLLIN), revents: 0)
    // SAFETY: one entry, a local variable.
    return unsafe poll(&entry, 1, 0) == 1
  }
}

/// Nobody sleeps at a loopback: it has one user.
extension LoopbackQueue: TestedQueue {
  mutating func fallAsleep() -> Bool { false }
  mutating func wake() {}
  var isCalled: Bool { false }
}

/// The ends of a queue under test. A loopback has only the first.
struct Ends<Q: TestedQueue & ~Copyable>: ~Copyable {
  var x: Q?
  var y: Q?

  init(_ x: consuming Q) { self.x = consume x }

  init(_ x: consuming Q, _ y: consuming Q) {
    self.x = consume x
    self.y = consume y
  }
}
