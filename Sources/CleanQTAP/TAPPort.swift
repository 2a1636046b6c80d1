public import CleanQ
internal import CleanQPlatform
internal import CleanQWire

/// The open TAP device as a port of Ethernet frames.
///
/// Frames are read straight into the buffers that were filled and written straight from those that are transmitted.
/// Both queues are first in, first out: frames are received in the order in which the kernel sent them, in buffers in the
/// order in which they were filled, but for those too short for their frame. A frame may be in a chain of buffers; it is written
/// as one.
///
/// The kernel has no buffer between two calls: ``notify()`` hands it everything that waits with one system call and
/// comes back with the answers. A device that is removed ends the port: it is exhausted.
///
/// A device that was there before has its MTU, its addresses and its state back when the port goes; one that was made keeps what was
/// set up once a region has been registered. A process that is killed undoes nothing.
///
/// Thread-confined; may be sent to another thread.
public struct TAPPort: Port, ~Copyable, Sendable {
  public typealias Unit = Frame

  /// Buffers that wait to be read into, at most.
  static let receiveCapacity = 1024
  /// Buffers that wait to be written, or were and wait to be taken back, at most.
  static let transmitCapacity = 256
  /// An Ethernet header, and a VLAN tag that the link's MTU does not count. Source: IEEE 802.1Q-2018 § 9.6.
  static let headerByteCount = EthernetHeader.byteCount
  static let tagByteCount = VLANTag.byteCount

  // The ring goes before the device: it holds on to the device's file.
  let transport: Transport
  /// What was set up, to be undone: at the end in a device that was there before, else where no region is ever registered, so that a
  /// pipeline that cannot start leaves nothing.
  var link: TAPLink?
  /// The device was made, and keeps its settings if it stays.
  let isNew: Bool
  let device: TAPDevice
  var waker: WakeSet
  var watch: TAPWatch
  let onEvent: TAPEventHandler
  /// The longest packet of the link at the last look, whether it was up then, and when the next look is due.
  var mtu: Int
  var isUp = true
  var nextLook = MonotonicTime(nanoseconds: 0)
  /// The device is where it can be looked at.
  var isWatched = true
  /// The driver puts a header before each frame, and wants one.
  let hasDriverHeader: Bool
  /// The driver takes a train of datagrams as one frame.
  let takesTrains: Bool

  var table = RegionTable()
  var receiving = BufferLane(capacity: TAPPort.receiveCapacity)
  var transmitting = BufferLane(capacity: TAPPort.transmitCapacity)
  var batch = IOBatch(capacity: UringTransport.entryCount, vectorCapacity: 2 * TAPPort.transmitCapacity)
  var budget = ReadBudget()
  var counters = TAPCounters()
  /// The drops that events have told of.
  var toldDrops = TAPCounters.Drops()
  /// Calls of ``receive(into:)`` that need not look at the device: it was looked at since, and had no more.
  var looksToSkip = 0
  /// The device was watched since the last tick.
  var hasSlept = false
  var isQuiescing = false
  var isGone = false

  /// Makes the device that a configuration asks for, or attaches to it.
  ///
  /// - Parameter onEvent: is told what happens to the device, from its opening on.
  /// - Throws: what is wrong and what to do; nothing is left of the attempt.
  public init(_ configuration: TAPConfiguration, onEvent: @escaping TAPEventHandler = { _ in }) throws(TAPError) {
    self.init(try OpenTAP(configuration, onEvent), configuration, onEvent)
  }

  private init(_ open: consuming OpenTAP, _ tap: TAPConfiguration, _ onEvent: @escaping TAPEventHandler) {
    watch = TAPWatch(name: tap.name, index: open.device.index)
    transport = open.transport
    link = .some(open.link)
    isNew = open.isNew
    device = open.device
    waker = open.waker
    mtu = open.mtu
    hasDriverHeader = tap.offload
    takesTrains = open.takesTrains
    self.onEvent = onEvent
  }

  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    try table.insert(region)
    if isNew { link.take()?.keep() }
  }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try QueueError.requireNone(
      elsewhereByteCount: receiving.store.byteCount(of: region.id) + transmitting.store.byteCount(of: region.id))
    try table.remove(region.id)
  }

  /// The longest frame that the kernel sends.
  var maximumFrameByteCount: Int { mtu &+ Self.headerByteCount &+ Self.tagByteCount }

  /// The Ethernet address is the kernel's, not this side's.
  public var capabilities: PortCapabilities {
    PortCapabilities(
      link: .init(maximumPacketByteCount: mtu + Self.headerByteCount), wantedBufferCount: 512,
      wantedBufferByteCount: max(2048, (Buffer.standardHeadroom + maximumFrameByteCount + 63) / 64 * 64),
      wakeFileDescriptors: [waker.file])
  }
}
