internal import CleanQ
internal import CleanQPlatform

// Source: [virtio 1.2 § 3.1.1 Driver Requirements: Device Initialization], whose steps stand beside the code.

extension VirtioNetDevice {
  /// What this driver knows how to use. Declined for good, with reasons:
  ///
  /// - CSUM: the layers above write whole checksums as they build headers, at next to no cost, and a frame may come from
  ///   another device with a whole one; there is nothing left for the device to do.
  /// - TSO, UFO, USO, in either direction: frames are no longer than the link's MTU all through.
  /// - HASH_REPORT: nobody above asks for the hash, and the header would grow.
  /// - INDIRECT_DESC: chains are rare and short; a table would cost the device one access more.
  /// - CTRL_VLAN, GUEST_ANNOUNCE, coalescing, NOTIFICATION_DATA: no use for them.
  static let known: VirtioFeatures = [
    .version1, .accessPlatform, .orderPlatform, .ringPacked, .ringReset, .eventIndex, .inOrder, .mac, .mtu, .status,
    .guestChecksum, .mergeableReceiveBuffers,
  ]

  /// What is used by the control queue, where there is something to control.
  static let controlled: VirtioFeatures = [.controlQueue, .controlReceiveMode, .controlMACAddress]

  /// Steps 1 to 6; the queues follow as ports join.
  func negotiate(_ state: inout State) throws(VirtioError) {
    state.isUp = false
    state.mark = transport.presence.mark
    state.joined = []
    state.control = nil
    isRunning.store(false, ordering: .relaxed)
    generation.wrappingAdd(1, ordering: .releasing)
    try transport.reset()  // 1
    try transport.setStatus(.acknowledge)  // 2
    try transport.setStatus(.driver)  // 3
    let offered = try transport.offeredFeatures()  // 4
    var wanted = Self.known.union(Self.controlled)
    if pairCount > 1 { wanted.formUnion([.multiqueue, .receiveSideScaling]) }
    wanted.subtract(options.declined.subtracting(options.required))
    var accepted = offered.intersection(wanted)
    // § 5.1.3.1: these need a control queue.
    if !accepted.contains(.controlQueue) {
      accepted.subtract([.controlReceiveMode, .controlMACAddress, .receiveSideScaling])
    }
    var needed = options.required.union(transport.requiredFeatures).union(.version1)
    if pairCount > 1 { needed.insert(.multiqueue) }
    if options.macAddress != nil, offered.contains(.mac) { needed.insert(.controlMACAddress) }
    let missing = needed.subtracting(accepted)
    guard missing.isEmpty else {
      try? transport.setStatus(.failed)
      throw VirtioError(.missingFeatures(missing), context: transport.name)
    }
    try transport.acceptFeatures(accepted)  // 5, 6
    let configuration = try VirtioNetConfiguration(transport, accepted)
    guard pairCount <= configuration.queuePairLimit else {
      throw VirtioError(
        .queues,
        context:
          "\(transport.name): the device has \(configuration.queuePairLimit) queue pairs, \(pairCount) were asked for")
    }
    state.features = accepted
    state.configuration = configuration
    state.isUp = true
  }

  /// All ports have started their queues: steps 7 and 8, and what is set over the control queue. A device that runs already is told
  /// of the queues alone.
  func complete(_ state: inout State) throws(VirtioError) {
    if !isRunning.load(ordering: .relaxed) { try start(&state) }
    try steer(state)
  }

  private func start(_ state: inout State) throws(VirtioError) {
    guard let configuration = state.configuration else { return }
    state.wasComplete = true
    if state.features.contains(.controlQueue) {
      // § 5.1.2: behind the last pair that the device could have.
      let index = 2 * (state.features.contains(.multiqueue) ? configuration.queuePairLimit : 1)
      state.control =
        state.features.contains(.ringPacked)
        ? try VirtioNetControlQueue<PackedRing>(transport, index: index)
        : try VirtioNetControlQueue<SplitRing>(transport, index: index)
    }
    try transport.setStatus(.driverOK)  // 8
    isRunning.store(true, ordering: .releasing)
    // What they have published meanwhile, the device is to hear of now.
    for index in state.open { EventFile.signal(transport.wakeFile(index)) }
    guard let control = state.control else { return }
    if let address = options.macAddress, state.features.contains(.controlMACAddress) {
      try control.command(.address(address))
    }
    if options.isPromiscuous, state.features.contains(.controlReceiveMode) {
      try control.command(.promiscuous(true))
    }
  }

  /// Says over which queue pairs received frames are spread: all, up to the last that has a port.
  func steer(_ state: borrowing State) throws(VirtioError) {
    guard pairCount > 1, let control = state.control, let configuration = state.configuration else { return }
    let used = (state.open.max() ?? 0) + 1
    if state.features.contains(.receiveSideScaling), configuration.rssTableLimit > 0 {
      try control.command(
        .receiveSideScaling(
          over: used, hashTypes: configuration.hashTypes, tableLimit: configuration.rssTableLimit,
          keyByteCount: configuration.rssKeyLimit))
    } else {
      try control.command(.queuePairs(used))
    }
  }
}
