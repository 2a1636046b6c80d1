internal import CleanQPlatform
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
  /// An eventfd that the device's process also has, and what adds to it without waiting.
  case eventFile(Int32, context: UInt, source: Int32)

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
    case .eventFile(let file, let context, let source): Self.kick(file, context, source)
    }
  }

  @usableFromInline
  static func kick(_ file: Int32, _ context: UInt, _ source: Int32) {
    SharedEventWriter.signal(file, context: context, source: source)
  }
}

extension VirtqueueNotifier {
  init(_ file: EventFile, _ writer: SharedEventWriter) {
    self = .eventFile(file.number, context: writer.context, source: writer.source)
  }
}
