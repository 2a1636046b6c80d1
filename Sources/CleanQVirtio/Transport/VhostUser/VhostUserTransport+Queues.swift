public import CleanQ

extension VhostUserTransport {
  public func map(_ region: borrowing Region) throws(QueueError) -> UInt64 {
    try state.withLock { state throws(QueueError) in
      let added = try state.memory.insert(region)
      do throws(VirtioError) {
        try tellMemory(state, change: VhostUserMessage(.addMemoryRegion, region: added))
      } catch {
        // Gone, or now gone: the next back end is told all.
        guard error.code == .refused || error.code == .memory else { return added.address }
        _ = try state.memory.remove(region.id)
        throw QueueError(.refused, context: "\(error)")
      }
      return added.address
    }
  }

  public func unmap(_ region: RegionID) throws(QueueError) {
    try state.withLock { state throws(QueueError) in
      let removed = try state.memory.remove(region)
      // A back end that is gone, or breaks the protocol here, has the region no longer either way.
      try? tellMemory(state, change: VhostUserMessage(.removeMemoryRegion, region: removed))
    }
  }

  public func startQueue(_ index: Int, _ layout: VirtqueueLayout) throws(VirtioError) -> VirtqueueNotifier {
    try state.withLock { state throws(VirtioError) in
      guard (0..<queueCount).contains(index) else {
        throw VirtioError(.queues, context: "\(name): there is no virtqueue \(index); there are \(queueCount)")
      }
      if state.isRunning { try give(index, layout, state) }
      state.layouts[index] = layout
      return .eventFile(kickFile(index))
    }
  }

  public func stopQueue(_ index: Int) throws(VirtioError) {
    try state.withLock { state throws(VirtioError) in
      guard state.layouts.removeValue(forKey: index) != nil, state.isRunning else { return }
      _ = try talk(state) { session throws(VhostUserFault) in try session.stopVring(index) }
    }
  }

  /// Gives the back end the memory and every virtqueue.
  func giveEverything(_ state: borrowing State) throws(VirtioError) {
    try giveTable(state)
    for (index, layout) in state.layouts.sorted(by: { $0.key < $1.key }) { try give(index, layout, state) }
  }

  /// Tells a running back end of a change in its memory: one region where it keeps them apart, else the table anew.
  private func tellMemory(_ state: borrowing State, change: VhostUserMessage) throws(VirtioError) {
    guard state.isRunning else { return }
    let keepsApart = try talk(state) { session throws(VhostUserFault) in
      session.protocolFeatures.contains(.memorySlots)
    }
    guard keepsApart else { return try giveTable(state) }
    try talk(state) { session throws(VhostUserFault) in try session.order(change) }
  }

  /// Source: [vhost-user, "Memory regions description"]; with slots, the table is made region by region.
  private func giveTable(_ state: borrowing State) throws(VirtioError) {
    let regions = state.memory.regions
    guard !regions.isEmpty else { return }
    let slotCount = try talk(state) { session throws(VhostUserFault) in session.memorySlotCount }
    guard regions.count <= slotCount else {
      throw VirtioError(
        .memory, context: "\(name): the back end maps \(slotCount) regions, not \(regions.count); use fewer queues")
    }
    try talk(state) { session throws(VhostUserFault) in
      if session.protocolFeatures.contains(.memorySlots) {
        for region in regions { try session.order(VhostUserMessage(.addMemoryRegion, region: region)) }
      } else {
        try session.order(VhostUserMessage(table: regions))
      }
    }
  }

  /// Gives the back end a virtqueue and lets it begin. Source: [vhost-user, "Starting and stopping rings"].
  private func give(_ index: Int, _ layout: VirtqueueLayout, _ state: borrowing State) throws(VirtioError) {
    // Packed: available and used index 0, and both wrap counters 1 (§ 2.8.1).
    let base: UInt32 = layout.isPacked ? 1 << 15 | 1 << 31 : 0
    let call = calls[index].number
    let kick = kickFile(index)
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
