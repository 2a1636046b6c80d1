/// What the device says next. Fetched from shared memory once; nothing about it has been checked but what `indexJump` says.
enum UsedElement {
  /// Nothing more has been used.
  case none
  /// The device's index is beyond all that is with it.
  case indexJump
  case element(id: UInt32, byteCount: UInt32)
}

/// Marks of a descriptor. Source: [virtio 1.2 § 2.7.5, § 2.8.1]
enum DescriptorMark {
  /// The chain goes on.
  static let next: UInt16 = 1
  /// The device writes.
  static let write: UInt16 = 2
}

/// The shared memory of one virtqueue, seen by the driver: either layout. It knows nothing of buffers; what is free and
/// what is out is the ``VirtqueueLedger``'s.
///
/// Each shared field is fetched once, by an atomic load, into a local value. Nothing that the driver wrote is read back.
///
/// A plain value of addresses and positions, so that a loop over a burst can work on a copy in registers and put that back
/// at its end. The memory belongs to the ``VirtqueueArea``.
protocol VirtqueueRing: BitwiseCopyable, Sendable {
  static var isPacked: Bool { get }

  /// - Parameter area: zeroed, and outlives the ring and its copies.
  init(_ area: borrowing VirtqueueArea, usesEventIndex: Bool)

  /// Writes one descriptor of a chain; the device does not look at it yet.
  ///
  /// - Parameters:
  ///   - id: its place in the table of a split queue; `head` is that of the chain's first.
  ///   - next: the id of the next one, where `marks` has ``DescriptorMark/next``.
  mutating func write(address: UInt64, byteCount: UInt32, marks: UInt16, id: UInt16, next: UInt16, head: UInt16)

  /// Ends a chain of descriptors that were written.
  mutating func endChain(head: UInt16)

  /// Makes every ended chain available to the device.
  mutating func publish()

  /// What the device used next, without passing it.
  ///
  /// - Parameter outstanding: how many chains are with the device.
  mutating func nextUsed(outstanding: Int) -> UsedElement

  /// A hint, when there was one used element: so many more are likely to be there, and wanted.
  mutating func prefetchUsed(_ count: Int)

  /// A hint: so many descriptors, which are free, are likely to be written next.
  mutating func prefetchFree(_ count: Int)

  /// Passes what ``nextUsed(outstanding:)`` gave.
  mutating func pass(chainCount: Int, descriptorCount: Int)

  /// Whether the device wants to be told of what was published since the last call. The caller has put a full fence
  /// between publishing and this.
  mutating func wantsKick() -> Bool

  /// Asks the device for a notification when it uses the next buffer. The caller puts a full fence behind this, and then
  /// looks again.
  mutating func enableCalls()

  /// Tells the device that notifications are not wanted. A hint: some may still come.
  mutating func disableCalls()
}

extension VirtqueueRing {
  /// Whether an event index lies among the `count` indices that were passed up to `new`. Every index does after 65,536 of them,
  /// where `new` alone would not tell. Source: [virtio 1.2 § 2.7.10.1]
  @inline(__always)
  static func passes(event: UInt16, count: Int, new: UInt16) -> Bool {
    Int(new &- event &- 1) < count
  }
}
