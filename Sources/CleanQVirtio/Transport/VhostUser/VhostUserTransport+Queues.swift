public import CleanQ

extension VhostUserTransport {
  public func map(_ region: borrowing Region) throws(QueueError) -> UInt64 {
    let id = region.id
    // Before anybody else can reach them.
    try link.pages.insert(region)
    let added: VhostUserRegion
    do throws(QueueError) {
      added = try memory.withLock { memory throws(QueueError) in try memory.insert(region) }
    } catch {
      if error.code != .alreadyRegistered { link.pages.remove(id) }
      throw error
    }
    do throws(VirtioError) { try onLink { transport throws(VirtioError) in try transport.giveTableNow() } } catch {
      // Gone, or now gone: the next back end is told all.
      guard error.code == .refused || error.code == .memory else { return added.address }
      try memory.withLock { memory throws(QueueError) in try memory.remove(id) }
      link.pages.remove(id)
      throw QueueError(.refused, context: "\(error)")
    }
    return added.address
  }

  public func unmap(_ region: RegionID) throws(QueueError) {
    try memory.withLock { memory throws(QueueError) in try memory.remove(region) }
    link.pages.remove(region)
    // A back end that is gone, or breaks the protocol here, has the region no longer either way.
    try? onLink { transport throws(VirtioError) in try transport.giveTableNow() }
  }

  /// Where the back end runs, it is told of what has changed in memory.
  private func giveTableNow() throws(VirtioError) {
    try state.withLock { state throws(VirtioError) in
      guard state.isRunning else { return }
      try allow(milliseconds: VhostUserSocket.handshakeMilliseconds)
      try giveTable(&state)
    }
  }

  public func startQueue(_ index: Int, _ layout: VirtqueueLayout) throws(VirtioError) -> VirtqueueNotifier {
    guard (0..<queueCount).contains(index) else {
      throw VirtioError(.queues, context: "\(name): there is no virtqueue \(index); there are \(queueCount)")
    }
    try onLink { transport throws(VirtioError) in
      try transport.state.withLock { state throws(VirtioError) in
        if state.isRunning {
          try transport.allow(milliseconds: VhostUserSocket.handshakeMilliseconds)
          try transport.give(index, layout, &state)
        }
        state.layouts[index] = layout
      }
    }
    return VirtqueueNotifier(kicks[index], kicker)
  }

  public func stopQueue(_ index: Int) throws(VirtioError) {
    try onLink { transport throws(VirtioError) in
      try transport.state.withLock { state throws(VirtioError) in
        state.layouts[index] = nil
        guard state.given.remove(index) != nil else { return }
        try transport.allow(milliseconds: VhostUserSocket.stopMilliseconds)
        _ = try transport.talk(state) { session throws(VhostUserFault) in try session.stopVring(index) }
      }
    }
  }

  /// Gives the back end the memory and every virtqueue.
  func giveEverything(_ state: inout State) throws(VirtioError) {
    try giveTable(&state)
    for (index, layout) in state.layouts.sorted(by: { $0.key < $1.key }) { try give(index, layout, &state) }
  }

  /// Tells the back end what memory there is: what has changed, where it keeps regions apart, else the table anew.
  ///
  /// Source: [vhost-user, "Memory regions description"].
  private func giveTable(_ state: inout State) throws(VirtioError) {
    let regions = memory.withLock { $0.regions }
    let (slotCount, keepsApart) = try talk(state) { session throws(VhostUserFault) in
      (session.memorySlotCount, session.protocolFeatures.contains(.memorySlots))
    }
    guard regions.count <= slotCount else {
      throw VirtioError(
        .memory, context: "\(name): the back end maps \(slotCount) regions, not \(regions.count); use fewer queues")
    }
    guard keepsApart else {
      guard !regions.isEmpty else { return }
      return try order(VhostUserMessage(table: regions.values.sorted { $0.address < $1.address }), state)
    }
    for (id, region) in state.told where regions[id] == nil {
      try order(VhostUserMessage(.removeMemoryRegion, region: region), state)
      state.told[id] = nil
    }
    for (id, region) in regions.sorted(by: { $0.value.address < $1.value.address }) where state.told[id] == nil {
      try order(VhostUserMessage(.addMemoryRegion, region: region), state)
      state.told[id] = region
    }
  }

  private func order(_ message: VhostUserMessage, _ state: borrowing State) throws(VirtioError) {
    try talk(state) { session throws(VhostUserFault) in try session.order(message) }
  }

  /// Gives the back end a virtqueue and lets it begin. Source: [vhost-user, "Starting and stopping rings"].
  private func give(_ index: Int, _ layout: VirtqueueLayout, _ state: inout State) throws(VirtioError) {
    state.given.insert(index)
    // Packed: available and used index 0, and both wrap counters 1 (§ 2.8.1).
    let base: UInt32 = layout.isPacked ? 1 << 15 | 1 << 31 : 0
    let call = calls[index].number
    let kick = kicks[index].number
    try talk(state) { session throws(VhostUserFault) in
      try session.order(VhostUserMessage(.setVringNumber, vring: index, number: UInt32(layout.size)))
      try session.order(VhostUserMessage(.setVringBase, vring: index, number: base))
      try session.order(VhostUserMessage(vring: index, at: layout))
      try session.order(VhostUserMessage(.setVringError, vringWithoutFile: index))
      try session.order(VhostUserMessage(.setVringCall, vring: index, file: call))
      try session.order(VhostUserMessage(.setVringKick, vring: index, file: kick))
      // Without protocol features a vring is enabled from its first kick.
      if session.features & VhostUserSession.protocolFeaturesBit != 0 {
        try session.order(VhostUserMessage(.setVringEnable, vring: index, number: 1))
      }
    }
  }
}
