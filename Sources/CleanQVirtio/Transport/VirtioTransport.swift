public import CleanQ

/// How a driver reaches a virtio device: a PCI function, a vhost-user socket, a device in memory for tests.
///
/// Set-up and control only, shared by the queue pairs of one device on several threads: implementations lock. The data path
/// uses nothing but memory, ``VirtqueueNotifier`` values and ``VirtioPresence``. Where a call may wait for another process, threads
/// that move packets go through ``perform(_:)``.
///
/// The driver's order. Source: [virtio 1.2 § 3.1.1 Driver Requirements: Device Initialization].
/// 1. ``reset()``; ``setStatus(_:)`` with ACKNOWLEDGE, then DRIVER.
/// 2. ``offeredFeatures()``, ``acceptFeatures(_:)``; ``readConfiguration(offset:byteCount:)``.
/// 3. ``startQueue(_:_:)`` for each queue; buffers may be made available before the next step, and are not looked at.
/// 4. ``setStatus(_:)`` with DRIVER_OK. From now on the device works. The transport starts what it could only note before.
///
/// After ``VirtioPresence/comeBack()`` the driver begins again at 1, with rings that it has zeroed.
public protocol VirtioTransport: AnyObject, Sendable {
  /// For logs, errors and reports, as the stage that the user wrote: `virtio(0000:00:04.0)`.
  var name: String { get }

  /// What the rings and all buffers must be made of, so that the device can reach them.
  var wantedBacking: RegionBacking { get }

  /// Features without which this transport cannot work: what it offers is of no use unless the device offers them too.
  var requiredFeatures: VirtioFeatures { get }

  /// Whether a device that has vanished can come back. Where it cannot, the port is exhausted then.
  var canComeBack: Bool { get }

  /// Whether the device is there. The transport keeps it up to date by itself, without being called. Whenever it changes,
  /// the transport makes every ``wakeFile(_:)`` readable, so that sleepers look.
  var presence: VirtioPresence { get }

  /// How many times a device took away memory that it shares with the driver, which then began again.
  var memoryLossCount: UInt64 { get }

  /// How many connections to a device's process ended because of what that said, or did not say in time.
  var brokenConnectionCount: UInt64 { get }

  /// Stops everything; when it returns the device holds nothing, reads nothing and writes nothing. § 2.4
  ///
  /// Succeeds, and does nothing, where the device has gone.
  func reset() throws(VirtioError)

  /// § 2.1. Where the transport has no status, what was set.
  func status() throws(VirtioError) -> VirtioStatus

  /// Adds bits to the status; never takes any away. § 2.1
  func setStatus(_ bits: VirtioStatus) throws(VirtioError)

  /// What the device offers, without bits that are the transport's own business, and without those that cannot be used
  /// over it: the control queue, where nobody serves it. § 2.2
  ///
  /// NET_F_MQ without NET_F_CTRL_VQ means that each started pair is in use, without a command.
  func offeredFeatures() throws(VirtioError) -> VirtioFeatures

  /// Accepts features, sets FEATURES_OK, and sees that it stays set. § 3.1.1 steps 4 to 6
  ///
  /// - Throws: `featuresRefused` where it does not.
  func acceptFeatures(_ features: VirtioFeatures) throws(VirtioError)

  /// Bytes of the device configuration, read so that they belong together. § 2.5
  ///
  /// - Returns: nil where the transport has no configuration space, or one that is shorter.
  func readConfiguration(offset: Int, byteCount: Int) throws(VirtioError) -> [UInt8]?

  /// How many virtqueues can be had, the control queue included.
  func queueLimit() throws(VirtioError) -> Int

  /// How many descriptors a virtqueue can have; 0 where there is no such queue. § 2.6
  func maximumQueueSize(_ index: Int) throws(VirtioError) -> Int

  /// Makes a region's bytes reachable for the device. Once per region: the driver counts who needs it. It stays so through
  /// ``reset()``, and when a device that had vanished comes back.
  ///
  /// - Returns: the device's address of the region's first byte. An I/O virtual address, or, for vhost-user, the address in
  ///   this process.
  /// - Throws: `refused`; nothing has changed then.
  func map(_ region: borrowing Region) throws(QueueError) -> UInt64

  /// Ends ``map(_:)``. The device holds no buffer of the region.
  func unmap(_ region: RegionID) throws(QueueError)

  /// Gives the device a virtqueue, and enables it. § 4.1.5.1.3
  func startQueue(_ index: Int, _ layout: VirtqueueLayout) throws(VirtioError) -> VirtqueueNotifier

  /// Takes one virtqueue back; when it returns the device uses nothing of it. § 2.6.1
  ///
  /// - Throws: `unsupported` where only ``reset()`` can do that.
  func stopQueue(_ index: Int) throws(VirtioError)

  /// An eventfd that becomes readable with a used buffer notification of this queue. It is the transport's, and the same for as
  /// long as the transport lives. The device's process may have it too: it is only polled, and emptied by `EventFile.clear`.
  func callFile(_ index: Int) -> Int32

  /// An eventfd of this process alone, non-blocking, that becomes readable when ``presence`` changes or the driver has something to
  /// tell the port of this queue pair. It is the transport's, and the same for as long as the transport lives.
  func wakeFile(_ pair: Int) -> Int32

  /// Runs work that calls this transport: at once where the device answers at once; else later, in order, on the thread on which the
  /// transport waits for the device's process.
  func perform(_ work: @escaping @Sendable () -> Void)

  /// Gives the device up because it does not answer in time, as if it had gone. Returns at once.
  func abandon()

  /// Whether the device that was there at a ``VirtioPresence/mark`` has ended, so that it holds nothing.
  func holdsNothing(since mark: UInt64) -> Bool
}

extension VirtioTransport {
  public var requiredFeatures: VirtioFeatures { [] }

  public var canComeBack: Bool { true }

  public var memoryLossCount: UInt64 { 0 }

  public var brokenConnectionCount: UInt64 { 0 }

  /// For transports whose call files no other process has.
  public func wakeFile(_ pair: Int) -> Int32 { callFile(2 * pair) }

  /// For devices that answer at once.
  public func perform(_ work: @escaping @Sendable () -> Void) { work() }

  /// For devices that answer at once.
  public func abandon() {}

  /// For devices that are told to let go, by ``reset()``, whatever has happened.
  public func holdsNothing(since mark: UInt64) -> Bool { false }

  /// False once the device has vanished.
  public var isPresent: Bool { presence.isPresent }

  /// How often a device that had vanished has come back.
  public var epoch: UInt64 { presence.epoch }
}
