public import CleanQ
internal import CleanQPlatform
internal import Synchronization

extension VirtioNetPort {
  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    let device = device
    try map.insert(
      region, map: { (region) throws(QueueError) in try device.map(region) }, unmap: { try? device.unmap($0) })
  }

  /// Ends the registration, and the device's access to the region.
  ///
  /// - Throws: `elsewhere` while the port has bytes of it: with the device, or waiting for it.
  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let id = region.id
    let elsewhere = waiting.byteCount(of: id) + returning.byteCount(of: id) + session.byteCount(of: id)
    guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
    try map.remove(id)
    try device.unmap(id)
  }

  /// The link is the device's, and so is the backing.
  public var capabilities: PortCapabilities {
    // Room for the longest frame, in an odd number of cache lines: buffers that lie a power of two apart have their headers in a
    // few sets of the cache, and push each other out of it, on this side and on the device's.
    let frame = ReceiveBuffer.headroom + Self.ethernetHeaderByteCount + 4 + device.mtu
    let lines = (max(2048, frame) + 63) / 64
    var files = [callFiles.receiving, callFiles.transmitting]
    if wakeFile != callFiles.receiving { files.append(wakeFile) }
    return PortCapabilities(
      link: .init(
        maximumPacketByteCount: device.mtu + Self.ethernetHeaderByteCount,
        hardwareAddress: device.macAddress.rawValue),
      wantedBufferCount: device.options.receiveQueueSize, wantedBufferByteCount: 64 * (lines | 1),
      wantedBacking: device.transport.wantedBacking, wakeFileDescriptors: files)
  }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    var readiness = Readiness()
    switch step {
    case .tick(let now): readiness.deadline = lookAfterDevice(at: now)
    case .arm: readiness.hasWork = hasWorkOnceArmed()
    case .disarm: disableCalls()
    }
    readiness.isExhausted = isRemoved
    return readiness
  }

  private var isRemoved: Bool { !device.transport.canComeBack && !presence.isPresent }

  /// Looks after a device that is away or that could not be agreed with, and at its link.
  ///
  /// - Returns: when to look again.
  private mutating func lookAfterDevice(at now: MonotonicTime) -> MonotonicTime {
    if isReady() { notify() }
    if now >= restDeadline { isAtRest = true }
    if index == 0, isJoined, now >= nextLinkLook {
      nextLinkLook = now.advanced(byMilliseconds: VirtioNetDevice.linkLookMilliseconds)
      device.lookAtLink()
    }
    return now.advanced(byMilliseconds: isJoined ? VirtioNetDevice.linkLookMilliseconds : 100)
  }

  /// Asks the device for notifications, then looks once more.
  private mutating func hasWorkOnceArmed() -> Bool {
    guard isReady() else { return !returning.isEmpty }
    session.split?.enableCalls(receives: receiveAllowance > 0)
    session.packed?.enableCalls(receives: receiveAllowance > 0)
    // Pairs with the fence that the device puts between using buffers and looking whether it is to notify: either this
    // sees what it used, or it sees that it is asked to. § 2.7.10, § 2.8.10
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    let hasWork = (session.split?.hasWork() ?? false) || (session.packed?.hasWork() ?? false)
    return hasWork || !returning.isEmpty
  }

  private mutating func disableCalls() {
    session.split?.disableCalls()
    session.packed?.disableCalls()
    EventFile.clear(callFiles.receiving)
    EventFile.clear(callFiles.transmitting)
    if wakeFile != callFiles.receiving { EventFile.clear(wakeFile) }
  }

  /// Takes `quiesce`: from now on at most the buffers that are with the device are received; what was transmitted is sent. A device
  /// that is away is not waited for, and one that takes its time not for long.
  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    guard request == .quiesce else { throw QueueError(.unsupported) }
    guard receiveAllowance == .max else { return }
    restDeadline = MonotonicTime.now.advanced(byMilliseconds: Self.restMilliseconds)
    var accounts = BufferAccounts()
    session.add(to: &accounts)
    receiveAllowance = accounts.atPeerBufferCount + accounts.inFlightBufferCount
  }

  public func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = map.table.byteCount
    session.add(to: &report.accounts)
    waiting.add(to: &report.accounts)
    returning.add(to: &report.accounts)
    var faults = VirtqueueFaults()
    var kickCount: UInt64 = 0
    session.add(to: &faults, &kickCount)
    var own = counters.report(device.transport.name, faults: faults, kickCount: kickCount)
    // The device's, told once.
    if index == 0 {
      own.counters += [
        .init("link-downs", device.linkDownCount),
        .init("memory-lost", device.transport.memoryLossCount),
        .init("broken-connections", device.transport.brokenConnectionCount),
      ].filter { $0.value > 0 }
    }
    if isRemoved { own.failure = "the device was removed" }
    report.stages.append(own)
  }
}
