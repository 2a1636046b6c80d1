internal import CleanQ
internal import CleanQPlatform
internal import Synchronization

/// What became of a port's request to join. Sendable: written where the transport waits for its device, read by the port.
final class JoinAnswer: Sendable {
  private struct State: ~Copyable {
    var session: VirtioNetSession?
    var failure: VirtioError?
  }

  private let state = Mutex(State())

  func clear() { state.withLock { $0 = State() } }

  func succeed(_ session: consuming VirtioNetSession) {
    var session: VirtioNetSession? = session
    state.withLock { $0 = State(session: session.take()) }
  }

  func fail(_ error: VirtioError) { state.withLock { $0 = State(failure: error) } }

  /// Why there are no queues; nil where there are, or where there is no answer yet.
  var failure: VirtioError? { state.withLock { $0.failure } }

  /// The queues, once they run.
  ///
  /// - Returns: nil where there is no answer yet, or the device waits for the ports of other pairs.
  /// - Throws: `gone` where the device that was joined is not there any more.
  func take(from device: VirtioNetDevice) throws(VirtioError) -> VirtioNetSession? {
    var taken: VirtioNetSession?
    let isOver = state.withLock { state in
      let isCurrent = state.session?.isCurrent(device) ?? true
      if !isCurrent || device.isRunning.load(ordering: .acquiring) { taken = state.session.take() }
      return !isCurrent
    }
    if isOver { throw VirtioError(.gone, context: "\(device.transport.name): the device is gone") }
    return taken.take()
  }
}

/// What a port gets when it joins.
struct VirtioNetSession: ~Copyable, Sendable {
  var split: VirtioNetPair<SplitRing>?
  var packed: VirtioNetPair<PackedRing>?
  /// ``VirtioNetDevice/generation`` and ``VirtioPresence/mark`` for which the queues are good.
  var generation: UInt64 = 0
  var mark: UInt64 = 0

  func isCurrent(_ device: VirtioNetDevice) -> Bool {
    device.generation.load(ordering: .acquiring) == generation && device.transport.presence.mark == mark
  }
}

extension VirtioNetDevice {
  /// How long a port waits for its queues when it is made: a whole handshake, and a little more.
  static let setUpMilliseconds: UInt64 = 2500
  /// How long it waits until the device has given everything back, when it ends.
  static let closeMilliseconds: UInt64 = 300

  /// Enters a port.
  func open(_ index: Int) {
    precondition(index >= 0 && index < pairCount, "the device has no such queue pair")
    let isNew = state.withLock { $0.open.insert(index).inserted }
    precondition(isNew, "queue pair \(index) has a port already")
  }

  /// Asks for the queues of one pair; the answer is in ``answers``, and its port is woken.
  func askToJoin(_ index: Int) {
    answers[index].clear()
    transport.perform {
      self.answerJoin(index)
      // Where the device has gone over it, the transport has said so.
      guard let failure = self.answers[index].failure, failure.code != .gone, self.transport.isPresent else { return }
      self.notices.cannotJoin(because: failure)
    }
  }

  /// The same, and waits for the answer.
  func askToJoinAndWait(_ index: Int, cancelFile: Int32) {
    answers[index].clear()
    let isDone: Void? = transport.performAndWait(milliseconds: Self.setUpMilliseconds, cancelFile: cancelFile) {
      self.answerJoin(index)
    }
    if isDone == nil {
      transport.abandon()
      answers[index].fail(VirtioError(.gone, context: "\(transport.name): the device does not answer in time"))
    }
  }

  private func answerJoin(_ index: Int) {
    do throws(VirtioError) { answers[index].succeed(try join(index)) } catch { answers[index].fail(error) }
    EventFile.signal(transport.wakeFile(index))
  }

  /// Starts the queues of one pair; the last one to come lets the device begin. Agrees on features again where that is due.
  ///
  /// - Throws: `gone` while the device is away; what the device or the transport says. Nothing is started then.
  private func join(_ index: Int) throws(VirtioError) -> VirtioNetSession {
    var session: VirtioNetSession? = VirtioNetSession()
    let failure = state.withLock { state in
      attempt { () throws(VirtioError) in
        let mark = transport.presence.mark
        guard mark & 1 != 0 else { throw VirtioError(.gone, context: "\(transport.name): the device is away") }
        guard state.open.contains(index) else {
          throw VirtioError(.gone, context: "\(transport.name): the port is closed")
        }
        // Agreed on with one that has gone since.
        if state.isUp, state.mark != mark { end(&state) }
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
    for index in state.open { EventFile.signal(transport.wakeFile(index)) }
    return true
  }

  /// A port has seen that the session that it joined is over, or ends it because the device lies. Does not wait for the device.
  ///
  /// - Returns: whether the device holds nothing now, so that buffers may be taken back; where not, the port asks again.
  func leave(_ session: borrowing VirtioNetSession) -> Bool {
    let number = session.generation
    // Somebody else was first, or there is nobody who could hold anything.
    if generation.load(ordering: .acquiring) != number || transport.holdsNothing(since: session.mark) { return true }
    if ending.exchange(number, ordering: .relaxed) != number {
      transport.perform {
        self.state.withLock { state in
          if self.generation.load(ordering: .relaxed) == number { self.end(&state) }
        }
        self.ending.store(.max, ordering: .relaxed)
      }
    }
    return generation.load(ordering: .acquiring) != number
  }

  /// A port ends, and needs these regions no longer. When this returns the device holds none of its buffers; one that does not give
  /// them back in time is given up.
  func close(_ index: Int, _ regions: [RegionID]) {
    answers[index].clear()
    let isDone: Void? = transport.performAndWait(milliseconds: Self.closeMilliseconds) { self.closeNow(index, regions) }
    if isDone == nil { transport.abandon() }
  }

  private func closeNow(_ index: Int, _ regions: [RegionID]) {
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
    for region in regions { try? unmap(region) }
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
