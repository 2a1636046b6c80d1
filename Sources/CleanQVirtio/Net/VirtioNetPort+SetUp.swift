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

  /// Answers both: the longest frame, and the device's address.
  public mutating func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    switch request {
    case .maximumPacketByteCount: .byteCount(device.mtu + Self.ethernetHeaderByteCount)
    case .hardwareAddress: .hardwareAddress(device.macAddress.rawValue)
    }
  }

  /// Looks after a device that is away or that could not be agreed with, and at its link.
  public mutating func advance(to now: MonotonicTime) -> MonotonicTime {
    if isReady() { notify() }
    if now >= restDeadline { isAtRest = true }
    if index == 0, isJoined, now >= nextLinkLook {
      nextLinkLook = now.advanced(byMilliseconds: VirtioNetDevice.linkLookMilliseconds)
      device.lookAtLink()
    }
    return now.advanced(byMilliseconds: isJoined ? VirtioNetDevice.linkLookMilliseconds : 100)
  }

  /// Asks the device for notifications, then looks once more.
  public mutating func arm() -> Bool {
    guard isReady() else { return returning.isEmpty }
    session.split?.enableCalls(receives: receiveAllowance > 0)
    session.packed?.enableCalls(receives: receiveAllowance > 0)
    // Pairs with the fence that the device puts between using buffers and looking whether it is to notify: either this
    // sees what it used, or it sees that it is asked to. § 2.7.10, § 2.8.10
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    let hasWork = (session.split?.hasWork() ?? false) || (session.packed?.hasWork() ?? false)
    return !hasWork && returning.isEmpty
  }

  public mutating func disarm() {
    session.split?.disableCalls()
    session.packed?.disableCalls()
    EventFile.clear(callFiles.receiving)
    EventFile.clear(callFiles.transmitting)
    if wakeFile != callFiles.receiving { EventFile.clear(wakeFile) }
  }

  public func addWakeFileDescriptors(to list: inout [Int32]) {
    list += [callFiles.receiving, callFiles.transmitting]
    if wakeFile != callFiles.receiving { list.append(wakeFile) }
  }

  /// From now on at most the buffers that are with the device are received; what was transmitted is sent. A device that is
  /// away is not waited for, and one that takes its time not for long.
  public mutating func quiesce() {
    guard receiveAllowance == .max else { return }
    restDeadline = MonotonicTime.now.advanced(byMilliseconds: Self.restMilliseconds)
    var accounts = BufferAccounts()
    session.add(to: &accounts)
    receiveAllowance = accounts.atPeerBufferCount + accounts.inFlightBufferCount
  }

  public var isExhausted: Bool { !device.transport.canComeBack && !presence.isPresent }

  public var wantedBufferCount: Int { device.options.receiveQueueSize }

  /// Room for the longest frame, in an odd number of cache lines: buffers that lie a power of two apart have their headers in a
  /// few sets of the cache, and push each other out of it, on this side and on the device's.
  public var wantedBufferByteCount: Int {
    let frame = ReceiveBuffer.headroom + Self.ethernetHeaderByteCount + 4 + device.mtu
    let lines = (max(2048, frame) + 63) / 64
    return 64 * (lines | 1)
  }

  public var wantedBacking: RegionBacking { device.transport.wantedBacking }

  public func accounts() -> BufferAccounts {
    var accounts = BufferAccounts()
    accounts.registeredByteCount = map.table.byteCount
    session.add(to: &accounts)
    waiting.add(to: &accounts)
    returning.add(to: &accounts)
    return accounts
  }

  public func report(into reports: inout [StageReport]) {
    var faults = VirtqueueFaults()
    var kickCount: UInt64 = 0
    session.add(to: &faults, &kickCount)
    var report = counters.report(device.transport.name, faults: faults, kickCount: kickCount)
    // The device's, told once.
    if index == 0 {
      report.counters += [
        .init("link-downs", device.linkDownCount),
        .init("memory-lost", device.transport.memoryLossCount),
        .init("broken-connections", device.transport.brokenConnectionCount),
      ].filter { $0.value > 0 }
    }
    if isExhausted { report.failure = "the device was removed" }
    reports.append(report)
  }
}
