internal import CleanQ
internal import Synchronization

/// What a port gets when it joins.
struct VirtioNetSession: ~Copyable, Sendable {
  var split: VirtioNetPair<SplitRing>?
  var packed: VirtioNetPair<PackedRing>?
  /// ``VirtioNetDevice/generation`` and ``VirtioPresence/mark`` for which the queues are good.
  var generation: UInt64 = 0
  var mark: UInt64 = 0
}

extension VirtioNetDevice {
  /// Enters a port.
  func open(_ index: Int) {
    precondition(index >= 0 && index < pairCount, "the device has no such queue pair")
    let isNew = state.withLock { $0.open.insert(index).inserted }
    precondition(isNew, "queue pair \(index) has a port already")
  }

  /// Starts the queues of one pair; the last one to come lets the device begin. Agrees on features again where that is due.
  ///
  /// - Throws: `gone` while the device is away; what the device or the transport says. Nothing is started then.
  func join(_ index: Int) throws(VirtioError) -> VirtioNetSession {
    var session: VirtioNetSession? = VirtioNetSession()
    let failure = state.withLock { state in
      attempt { () throws(VirtioError) in
        let mark = transport.presence.mark
        guard mark & 1 != 0 else { throw VirtioError(.gone, context: "\(transport.name): the device is away") }
        if !state.isUp { try negotiate(&state) }
        do throws(VirtioError) {
          if state.features.contains(.ringPacked) {
            session?.packed = try VirtioNetPair(self, index: index, state.features)
          } else {
            session?.split = try VirtioNetPair(self, index: index, state.features)
          }
          state.joined.insert(index)
          let isLast = state.wasComplete ? state.joined == state.open : state.joined.count == pairCount
          if isLast { try complete(&state) }
        } catch {
          end(&state)
          throw error
        }
        session?.generation = generation.load(ordering: .relaxed)
        session?.mark = mark
      }
    }
    if let failure { throw failure }
    guard let session = session.take() else { throw VirtioError(.gone, context: transport.name) }
    return session
  }

  /// Takes the device's queues away from it, for all ports. Others that sleep are woken, so that they come again.
  ///
  /// - Returns: whether the device holds nothing now.
  @discardableResult
  private func end(_ state: inout State) -> Bool {
    guard attempt({ () throws(VirtioError) in try transport.reset() }) == nil else { return false }
    state.isUp = false
    state.joined = []
    state.control = nil
    isRunning.store(false, ordering: .relaxed)
    generation.wrappingAdd(1, ordering: .releasing)
    for index in state.open { VirtqueueNotifier.kick(transport.callFile(2 * index)) }
    return true
  }

  /// A port has seen that the session that it joined is over, or ends it because the device lies.
  ///
  /// - Returns: whether the device holds nothing now, so that buffers may be taken back.
  func leave(_ session: UInt64) -> Bool {
    state.withLock { state in
      // Somebody else was first.
      if generation.load(ordering: .relaxed) != session { return true }
      return end(&state)
    }
  }

  /// A port ends. When this returns the device holds none of its buffers.
  func close(_ index: Int) {
    state.withLock { state in
      state.open.remove(index)
      guard state.joined.remove(index) != nil else { return }
      if state.open.isEmpty {
        end(&state)
        return
      }
      let failure = attempt { () throws(VirtioError) in
        try transport.stopQueue(2 * index)
        try transport.stopQueue(2 * index + 1)
        if isRunning.load(ordering: .relaxed) { try steer(state) }
      }
      // Where one queue cannot be stopped alone, all are.
      if failure != nil { end(&state) }
    }
  }

  /// Makes a region reachable for the device; once, however many ports ask. Not for one region on two threads at once.
  func map(_ region: borrowing Region) throws(QueueError) -> UInt64 {
    let id = region.id
    if let address = state.withLock({ $0.use(id) }) { return address }
    let address = try transport.map(region)
    state.withLock { $0.mappings[id] = (address, 1) }
    return address
  }

  /// Ends ``map(_:)``: the last port that needed the region has no buffer of it.
  func unmap(_ region: RegionID) throws(QueueError) {
    let isLast = state.withLock { $0.disuse(region) }
    if isLast { try transport.unmap(region) }
  }
}

extension VirtioNetDevice.State {
  fileprivate mutating func use(_ region: RegionID) -> UInt64? {
    guard let mapping = mappings[region] else { return nil }
    mappings[region] = (mapping.address, mapping.users + 1)
    return mapping.address
  }

  fileprivate mutating func disuse(_ region: RegionID) -> Bool {
    guard let mapping = mappings[region] else { return false }
    mappings[region] = mapping.users > 1 ? (mapping.address, mapping.users - 1) : nil
    return mapping.users == 1
  }
}
