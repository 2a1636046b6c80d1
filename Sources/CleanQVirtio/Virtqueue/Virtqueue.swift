internal import CleanQ
internal import Synchronization

/// How a virtqueue is used. Agreed on with the device, or the driver's own.
struct VirtqueueSettings: Sendable {
  var size: Int
  /// The device writes: a receive queue. Else it reads: a transmit queue.
  var isWritable: Bool
  var usesEventIndex = false
  /// VIRTIO_F_IN_ORDER. § 2.7.9, § 2.8.9
  var isInOrder = false
}

/// One virtqueue of a network device: buffers go in, the device uses them, they come out.
///
/// The ring is memory that the device can write; the ledger is not. What comes out is what the ledger says, and the
/// device's word for it is checked first: each lie is counted (``VirtqueueFaults``), and none costs a buffer. After
/// one that leaves no way to tell where the device is, the queue is ``isBroken`` and gives nothing more before it was reset.
///
/// Thread-confined; may be sent.
struct Virtqueue<Ring: VirtqueueRing>: ~Copyable, Sendable {
  var ring: Ring
  var ledger: VirtqueueLedger
  let area: VirtqueueArea
  let settings: VirtqueueSettings
  var faults = VirtqueueFaults()
  /// The device said something from which only a reset helps.
  var isBroken = false
  /// Whether something was published of which the device was not yet told.
  private var isUnannounced = false
  /// Used buffers that did not fit where they were wanted: the rest of a chain, or packets of which parts are missing.
  var parting = Burst()
  /// Notifications sent to the device.
  private(set) var kickCount: UInt64 = 0

  // In order only. Ids are given out in the order of the table then, so the chain behind `oldest` begins right behind it.
  /// The head of the oldest chain that is with the device.
  var oldest: UInt16 = 0
  /// Chains that the device has used and that were not taken yet.
  var batchCount = 0
  /// What it wrote to the last of them; the others it filled. § 2.7.9
  var batchByteCount: UInt32 = 0

  /// - Parameter memory: where the rings go, in a slot of so many bytes.
  init(_ memory: VirtqueueMemory, slotByteCount: Int, _ settings: VirtqueueSettings) throws(VirtioError) {
    area = try VirtqueueArea(memory, size: settings.size, isPacked: Ring.isPacked, slotByteCount: slotByteCount)
    ring = Ring(area, usesEventIndex: settings.usesEventIndex)
    ledger = VirtqueueLedger(size: settings.size)
    self.settings = settings
    ring.disableCalls()
  }

  /// Publishes what was posted.
  @inline(__always)
  mutating func publish() {
    ring.publish()
    isUnannounced = true
  }

  /// Tells the device of what was published, where it wants to know.
  ///
  /// - Complexity: nothing where nothing was published since the last call; else a fence and a load.
  @inline(__always)
  mutating func notify(_ notifier: VirtqueueNotifier) {
    guard isUnannounced else { return }
    isUnannounced = false
    // Pairs with the fence that the device puts between asking for notifications and looking at the ring again: either
    // it sees what was published, or this sees that it asked. § 2.7.13.4, § 2.8.21.3
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard ring.wantsKick() else { return }
    kickCount &+= 1
    notifier.notify()
  }

  /// Asks for a notification. The caller puts a full fence behind it and then asks ``hasUsed()``.
  mutating func enableCalls() { ring.enableCalls() }

  mutating func disableCalls() { ring.disableCalls() }
}
