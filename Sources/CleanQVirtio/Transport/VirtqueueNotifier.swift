internal import Glibc
public import Synchronization

/// How a driver tells the device that a virtqueue has new buffers. Plain data; valid from ``VirtioTransport/startQueue(_:_:)``
/// until the queue is stopped or the transport goes.
///
/// Source: [virtio 1.2 § 2.3 Notifications, § 4.1.5.2 Available Buffer Notifications].
@safe
@frozen
public enum VirtqueueNotifier: Sendable, BitwiseCopyable {
  /// The device looks by itself.
  case none
  /// A 16-bit register of the function, at this address, to which this value is written: the queue's index.
  case register(address: UInt, value: UInt16)
  /// An eventfd.
  case eventFile(Int32)

  /// Tells the device. What was made available before has been published with release; the caller's fence stands between
  /// that and this.
  @inlinable
  public func notify() {
    switch self {
    case .none: break
    case .register(let address, let value):
      // SAFETY: the transport keeps the register mapped while the queue is started. Release: on x86 a plain store, which
      // no earlier store is delayed behind; elsewhere what orders it behind the ring's.
      unsafe UnsafePointer<Atomic<UInt16>>(bitPattern: address)?.pointee.store(value, ordering: .releasing)
    case .eventFile(let file): Self.kick(file)
    }
  }

  @usableFromInline
  static func kick(_ file: Int32) {
    var one: UInt64 = 1
    // SAFETY: eight bytes of a local variable. A device that does not listen fills the counter; then there is nothing to add.
    _ = unsafe write(file, &one, 8)
  }
}
