// Handoff: enqueue moves bytes from the sender's set to the sequence, dequeue from the sequence to the taker's set.

extension QueueModel {
  /// Whose sequence takes what `agent` enqueues. In a loopback Y has handed it back already.
  private func lane(of agent: Agent) -> Agent { shape == .loopback ? .y : agent }

  /// How many more buffers the agent could enqueue.
  public func room(of agent: Agent) -> Int { capacity - sequence[lane(of: agent), default: []].count }

  /// enqueue of a run: buffers that make up one packet, the last of them and only that marked LAST.
  ///
  /// Needs: every buffer in bounds of a registered region and all of it in the agent's set; room for all of the run; both
  /// ends open. Whole or not at all.
  public mutating func enqueue(run: [Buffer], by agent: Agent) -> Set<Objection> {
    guard !run.isEmpty else { return [] }
    var objections: Set<Objection> = []
    for buffer in run { objections.formUnion(self.objections(to: buffer, from: agent)) }
    let isWhole = run.last?.isLast == true && run.dropLast().allSatisfy { !$0.isLast }
    if !isWhole || run.count > capacity { objections.insert(.incompleteChain) }
    if run.count > room(of: agent) { objections.insert(.full) }
    if isOpen[agent] != true { objections.insert(.gone) }
    if isOpen[agent.other] != true { objections.insert(.closed) }
    guard objections.isEmpty else { return objections }
    for buffer in run {
      let bytes = bytes(of: buffer)
      owned[agent, default: []].subtract(bytes)
      transit[lane(of: agent), default: []].formUnion(bytes)
      sequence[lane(of: agent), default: []].append(buffer)
      hand[agent, default: []].removeAll { $0 == buffer }
    }
    return []
  }

  /// enqueue of one buffer: a run of one.
  public mutating func enqueue(_ buffer: Buffer, by agent: Agent) -> Set<Objection> {
    enqueue(run: [buffer], by: agent)
  }

  /// enqueue of a burst: its runs one after the other, up to the first that is refused.
  ///
  /// - Returns: what was not taken, and why the first run of that was not.
  public mutating func enqueue(
    burst: [Buffer], by agent: Agent
  ) -> (left: [Buffer], objections: Set<Objection>) {
    var left = burst
    while !left.isEmpty {
      let end = left.firstIndex { $0.isLast } ?? left.count - 1
      let objections = enqueue(run: Array(left[...end]), by: agent)
      guard objections.isEmpty else { return (left, objections) }
      left.removeSubrange(...end)
    }
    return ([], [])
  }

  /// dequeue: the oldest buffer that the other agent handed over; nil where there is none.
  public mutating func dequeue(by agent: Agent) -> Buffer? {
    guard isOpen[agent] == true, let buffer = sequence[agent.other]?.first else { return nil }
    let bytes = bytes(of: buffer)
    sequence[agent.other]?.removeFirst()
    transit[agent.other]?.subtract(bytes)
    owned[agent, default: []].formUnion(bytes)
    hand[agent, default: []].append(buffer)
    return buffer
  }

  /// dequeue of a burst: one buffer after the other, as many as are there and as there is room for.
  public mutating func dequeue(atMost count: Int, by agent: Agent) -> [Buffer] {
    var taken: [Buffer] = []
    while taken.count < count, let buffer = dequeue(by: agent) { taken.append(buffer) }
    return taken
  }
}
