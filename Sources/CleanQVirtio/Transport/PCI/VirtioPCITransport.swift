public import CleanQ
internal import CleanQPlatform
public import CleanQVFIO
public import Logging
internal import Synchronization

/// Reaches a virtio device that is a PCI function, by way of VFIO: registers are mapped, memory is reached through the IOMMU,
/// notifications of the device are interrupts (MSI-X) that make eventfds readable.
///
/// A function that the kernel wants back, or that reports a fatal error, is gone for good: ports above are exhausted. A device
/// that asks for a reset gets one, with everything that follows from it.
///
/// Source: [virtio 1.2 § 4.1 Virtio Over PCI Bus].
public final class VirtioPCITransport: VirtioTransport {
  /// What set-up calls change, one at a time: the device's select registers are among it.
  struct State: ~Copyable {
    var accepted: VirtioFeatures = []
    /// I/O address of each mapped region.
    var mappings: [RegionID: UInt64] = [:]
    var watch: RemovalWatch?
  }

  public let name: String
  public var wantedBacking: RegionBacking { .anonymous }
  /// An IOMMU stands between device and memory, so the device has to use its addresses. § 6
  public var requiredFeatures: VirtioFeatures { .accessPlatform }
  public var canComeBack: Bool { false }
  public let presence = VirtioPresence()

  let device: VFIODevice
  let common: Registers
  let notification: Registers
  let configuration: Registers?
  let notifyMultiplier: UInt64
  /// One for each queue of the pairs that are used. The control queue, which may come far behind, is not waited for.
  let calls: [EventFile]
  /// How many of them have an interrupt vector of their own: vector 1 for queue 0, and so on. Vector 0 is that of
  /// configuration changes, and of the queues that are left.
  let ownVectorCount: Int
  private let changes: EventFile
  let state = Mutex(State())

  /// Takes a virtio network device that is bound to `vfio-pci`.
  ///
  /// - Parameter queuePairCount: how many queue pairs the driver will use.
  /// - Throws: `unsupported` with what is wrong and what to do: see ``VFIOError``; the function is none of virtio's, or a
  ///   legacy one. `broken` where the function contradicts itself.
  public init(
    _ address: PCIAddress, queuePairCount: Int = 1, in tree: SystemTree = .machine, logger: Logger
  ) throws(VirtioError) {
    let name = "virtio(\(address))"
    self.name = name
    device = try Self.open(address, in: tree, name)
    let bytes = try Self.attempt(name) { [device] () throws(VFIOError) in
      try device.readConfiguration(offset: 0, byteCount: 256)
    }
    guard let structures = VirtioPCIStructures(bytes) else {
      throw VirtioError(
        .unsupported,
        context: "\(name): a legacy-only device; one of virtio 1.0 or later is needed (in QEMU: disable-modern=off)")
    }
    common = try Self.registers(structures.common, of: device, name)
    notification = try Self.registers(structures.notification, of: device, name)
    notifyMultiplier = structures.notifyMultiplier
    configuration = try structures.device.map { [device] place throws(VirtioError) in
      try Self.registers(place, of: device, name)
    }
    changes = try EventFile.make(for: name)
    calls = try EventFile.make(2 * queuePairCount, for: name)
    let vectorCount = try Self.attempt(name) { [device] () throws(VFIOError) in try device.interruptCount() }
    guard vectorCount >= 1 else {
      throw VirtioError(
        .unsupported, context: "\(name): the device has no MSI-X interrupts; give it some (in QEMU: vectors=4)")
    }
    ownVectorCount = min(vectorCount - 1, calls.count)
    try reset()
    let files = [changes.number] + calls.prefix(ownVectorCount).map(\.number)
    try Self.attempt(name) { [device] () throws(VFIOError) in
      try device.setBusMaster(true)
      try device.enableInterrupts(files)
    }
    let watch = try makeWatch(logger)
    state.withLock { $0.watch = watch }
  }

  deinit {
    // First the thread that could touch the registers; then the device lets go of memory; the rest is the kernel's.
    state.withLock { $0.watch = nil }
    try? reset()
    try? device.setBusMaster(false)
    try? device.disableInterrupts()
    for address in state.withLock({ Array($0.mappings.values) }) { try? device.unmap(address) }
  }

  public func callFile(_ index: Int) -> Int32 { calls[index].number }

  /// Sees to what comes without being asked for: the kernel wants the function back, the device changes its configuration.
  private func makeWatch(_ logger: Logger) throws(VirtioError) -> RemovalWatch {
    // Nothing here may hold on to the transport, which ends the watch when it goes.
    let (name, presence, calls, common) = (name, presence, calls, common)
    let sharing = calls[ownVectorCount...]
    let requests = ResetRequests(name, presence, logger)
    return try Self.attempt(name) { [device, changes] () throws(VFIOError) in
      try RemovalWatch(
        device, others: [changes.number],
        removed: {
          logger.warning("\(name): the kernel takes the device away")
          presence.vanish()
          for call in calls { call.signal() }
        },
        signalled: { _ in
          for call in sharing { call.signal() }
          guard requests.look(at: VirtioStatus(rawValue: common.read8(CommonRegister.deviceStatus))) else { return }
          for call in calls { call.signal() }
        })
    }
  }

  // MARK: Opening

  /// Source: [virtio 1.2 § 4.1.2.1]; 0x1000 is the network device that can be driven as a legacy one too.
  static let ids = [0x1041, 0x1000].map { NICDriver.ID(vendor: 0x1AF4, device: $0) }

  private static func open(
    _ address: PCIAddress, in tree: SystemTree, _ name: String
  ) throws(VirtioError) -> VFIODevice {
    if let function = PCIFunction(address, in: tree),
      !ids.contains(NICDriver.ID(vendor: function.vendor, device: function.device))
    {
      throw VirtioError(
        .unsupported,
        context:
          "\(name): this is no virtio network device but \(function.identifier); cleanq devices lists what there is")
    }
    return try attempt(name) { () throws(VFIOError) in try VFIODevice(address, in: tree) }
  }

  private static func registers(
    _ place: VirtioPCIStructures.Place, of device: VFIODevice, _ name: String
  ) throws(VirtioError) -> Registers {
    let bar = try attempt(name) { () throws(VFIOError) in try device.bar(place.bar) }
    guard let part = bar.part(offset: place.offset, byteCount: place.byteCount) else {
      throw VirtioError(.broken, context: "\(name): the device places registers outside its BAR \(place.bar)")
    }
    return part
  }

  /// Errors of VFIO as errors of the transport.
  static func attempt<Value>(_ name: String, _ body: () throws(VFIOError) -> Value) throws(VirtioError) -> Value {
    do throws(VFIOError) { return try body() } catch {
      throw VirtioError(.unsupported, errno: error.errno, context: "\(name): \(error.message)")
    }
  }
}
