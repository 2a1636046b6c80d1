public import Synchronization

/// A set of UDP ports: one bit each, 8 KiB. May be changed from any thread while others look at it.
@safe
public final class PortSet: @unchecked Sendable {
  @usableFromInline let words: UnsafeMutablePointer<Atomic<UInt64>>

  public init(_ ports: [UInt16]) {
    unsafe words = .allocate(capacity: 1024)
    for index in 0..<1024 { unsafe (words + index).initialize(to: Atomic(0)) }
    for port in ports { insert(port) }
  }

  deinit {
    unsafe words.deinitialize(count: 1024)
    unsafe words.deallocate()
  }

  // SAFETY, for each use of `words`: a port shifted by 6 is below 1024. Relaxed: a packet that comes at the same time may go
  // either way.

  /// - Complexity: O(1).
  @inlinable
  public func contains(_ port: UInt16) -> Bool {
    unsafe words[Int(port >> 6)].load(ordering: .relaxed) & (1 << UInt64(port & 63)) != 0
  }

  /// - Complexity: O(1).
  public func insert(_ port: UInt16) {
    unsafe words[Int(port >> 6)].bitwiseOr(1 << UInt64(port & 63), ordering: .relaxed)
  }

  /// - Complexity: O(1).
  public func remove(_ port: UInt16) {
    unsafe words[Int(port >> 6)].bitwiseAnd(~(1 << UInt64(port & 63)), ordering: .relaxed)
  }
}

extension PortSet: ExpressibleByArrayLiteral {
  public convenience init(arrayLiteral ports: UInt16...) { self.init(ports) }
}
