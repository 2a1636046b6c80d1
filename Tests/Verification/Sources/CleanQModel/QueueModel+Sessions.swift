// Sleeping, calling, closing.

extension QueueModel {
  /// An agent that wants to sleep says so and then looks again.
  ///
  /// - Returns: whether it sleeps now. False where something has arrived, or the other has gone: then it must not.
  public mutating func fallAsleep(_ agent: Agent) -> Bool {
    guard sequence[agent.other, default: []].isEmpty, isOpen[agent.other] == true else { return false }
    attention[agent] = .asleep
    return true
  }

  /// The agent is awake again, called or not.
  public mutating func wake(_ agent: Agent) { attention[agent] = .awake }

  /// notify: what the agent enqueued before it will be looked at, also by a peer that was asleep.
  public mutating func notify(by agent: Agent) {
    guard !sequence[agent, default: []].isEmpty, attention[agent.other] == .asleep else { return }
    attention[agent.other] = .called
  }

  /// destroy: the agent closes its end. What it has in hand it keeps; nobody can enqueue any more; what is in flight to
  /// the other end can still be taken there, and who sleeps there is called. When both ends are closed, what is in flight goes back to who keeps its
  /// region, and no region is registered any more.
  ///
  /// - Returns: the account at that moment.
  public mutating func destroy(by agent: Agent) -> Account {
    let account = account(of: agent)
    isOpen[agent] = false
    if attention[agent.other] == .asleep { attention[agent.other] = .called }
    if shape == .loopback { isOpen[agent.other] = false }
    if isOpen.values.allSatisfy({ !$0 }) {
      transit = [.x: [], .y: []]
      sequence = [.x: [], .y: []]
      owned = [.x: [], .y: []]
      for index in regions.indices { regions[index].registrar = nil }
    }
    return account
  }

  /// Where the bytes of the registered regions are, as one agent sees it.
  public struct Account: Hashable, Sendable {
    public let registeredByteCount: Int
    public let ownedByteCount: Int
    public let inFlightByteCount: Int
    public let inFlightBufferCount: Int
    public let atPeerByteCount: Int
    /// Buffers of the agent's own regions that are in the other's hand. (What the other cut out of its own regions and
    /// never handed over is no matter of this queue's.)
    public let atPeerBufferCount: Int

    public init(
      registeredByteCount: Int, ownedByteCount: Int, inFlightByteCount: Int, inFlightBufferCount: Int,
      atPeerByteCount: Int, atPeerBufferCount: Int
    ) {
      self.registeredByteCount = registeredByteCount
      self.ownedByteCount = ownedByteCount
      self.inFlightByteCount = inFlightByteCount
      self.inFlightBufferCount = inFlightBufferCount
      self.atPeerByteCount = atPeerByteCount
      self.atPeerBufferCount = atPeerBufferCount
    }
  }

  /// The accounts: registered = owned + in flight + at the peer.
  public func account(of agent: Agent) -> Account {
    let own = Set(regions.filter { $0.registrar == agent }.map(\.id))
    return Account(
      registeredByteCount: registeredBytes.count,
      ownedByteCount: owned[agent, default: []].count,
      inFlightByteCount: transit.values.reduce(0) { $0 + $1.count },
      inFlightBufferCount: sequence.values.reduce(0) { $0 + $1.count },
      atPeerByteCount: owned[agent.other, default: []].count,
      atPeerBufferCount: hand[agent.other, default: []].filter { own.contains($0.region) }.count)
  }
}
