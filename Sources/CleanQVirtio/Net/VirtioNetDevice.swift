internal import CleanQ
public import CleanQWire
public import Logging
internal import Synchronization

/// A virtio network device, shared by the ports that use its queue pairs, each on a thread of its own.
///
/// Agrees on features, starts queues, and begins again when the device has vanished and come back, or has said something that
/// cannot be true. Ports come and go through ``askToJoin(_:)``, ``leave(_:)`` and ``close(_:_:)``. What talks to the device is behind
/// one lock, and is done where the transport waits for its device: a port only asks for it, and adopts the queues when they are ready.
///
/// Source: [virtio 1.2 § 3.1 Device Initialization, § 5.1.5].
public final class VirtioNetDevice: Sendable {
  public let transport: any VirtioTransport
  /// How many queue pairs are used.
  public let pairCount: Int
  public let options: VirtioNetOptions
  /// Where the rings of all queue pairs are; a port that joins again finds room where those were that it left.
  let rings: VirtqueueMemory

  /// Counts up with each beginning and each end, so that ports see with one load that theirs is over.
  let generation = Atomic<UInt64>(0)
  /// DRIVER_OK is set. § 3.1.1: before that the device must not be notified, and may overlook it.
  let isRunning = Atomic<Bool>(false)
  /// The session that a port has asked to be ended, or `.max`.
  let ending = Atomic<UInt64>(.max)
  /// For each pair, what became of its port's request to join.
  let answers: [JoinAnswer]
  let notices: VirtioNetNotices
  /// What was said of the link last; whether it is being asked for; how often it went down.
  let wasLinkUp = Atomic<Bool>(true)
  let isLooking = Atomic<Bool>(false)
  let linkDowns = Atomic<UInt64>(0)
  let state: Mutex<State>

  struct State: ~Copyable {
    var features: VirtioFeatures = []
    var configuration: VirtioNetConfiguration?
    /// Ports that have started their queues since the last beginning.
    var joined: Set<Int> = []
    /// Ports that exist.
    var open: Set<Int> = []
    var control: (any VirtioNetControl)?
    /// Regions that the device can reach, and how many ports need each.
    var mappings: [RegionID: (address: UInt64, users: Int)] = [:]
    /// Features are agreed on, and queues may be started.
    var isUp = false
    /// ``VirtioPresence/mark`` of the device with which they were agreed on.
    var mark: UInt64 = 0
    /// All queue pairs have had a port once. From then on the device begins with those that are left.
    var wasComplete = false
  }

  /// Resets the device and agrees with it on features.
  ///
  /// - Parameters:
  ///   - logger: where it says, limited in rate, what becomes of the device later; nil for nowhere.
  ///   - cancelFile: a file that becomes readable when the start is to be abandoned, or -1.
  /// - Throws: what is missing, all at once: `missingFeatures`, `queues`; and what the transport says.
  public init(
    _ transport: any VirtioTransport, pairCount: Int = 1, options: VirtioNetOptions = VirtioNetOptions(),
    logger: Logger? = nil, cancelFile: Int32 = -1
  ) throws(VirtioError) {
    precondition(pairCount >= 1, "a device is used by at least one queue pair")
    self.transport = transport
    self.pairCount = pairCount
    self.options = options
    rings = try VirtqueueMemory(transport, byteCount: 2 * pairCount * options.ringByteCount)
    notices = VirtioNetNotices(logger)
    answers = (0..<pairCount).map { _ in JoinAnswer() }
    state = Mutex(State())
    let failure = setUp(cancelFile) { device in
      device.state.withLock { state in attempt { () throws(VirtioError) in try device.negotiate(&state) } }
    }
    if let failure { throw failure }
  }

  /// Does set-up work where the transport waits for its device, and waits for the end of it.
  ///
  /// - Returns: what went wrong.
  private func setUp(
    _ cancelFile: Int32, _ work: @escaping @Sendable (VirtioNetDevice) -> VirtioError?
  ) -> VirtioError? {
    let outcome = transport.performAndWait(milliseconds: Self.setUpMilliseconds, cancelFile: cancelFile) { work(self) }
    if let failure = outcome { return failure }
    transport.abandon()
    return VirtioError(.gone, context: "\(transport.name): the device does not answer in time")
  }

  /// What was agreed on.
  public var features: VirtioFeatures { state.withLock { $0.features } }

  /// The longest packet behind an Ethernet header.
  public var mtu: Int { state.withLock { $0.configuration?.mtu ?? 1500 } }

  /// The address that frames for this device carry.
  public var macAddress: MACAddress {
    options.macAddress ?? state.withLock { $0.configuration?.macAddress } ?? Self.madeUpAddress(transport.name)
  }

  /// A locally administered address that follows from a name.
  private static func madeUpAddress(_ name: String) -> MACAddress {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return MACAddress(rawValue: hash & 0x00FF_FFFF_FFFF | 0x0200_0000_0000)
  }
}

/// Runs what may throw and gives the error back: closures of locks lose the type of what they throw.
func attempt(_ body: () throws(VirtioError) -> Void) -> VirtioError? {
  do throws(VirtioError) {
    try body()
    return nil
  } catch {
    return error
  }
}
