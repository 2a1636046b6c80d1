public import CleanQ
internal import CleanQWire

extension IPPort where Lower: ~Copyable {
  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    try lower.register(region)
    engine.spares.region = region.id
  }

  /// Gives back what is kept aside, then ends the registration.
  ///
  /// - Throws: `elsewhere` while bytes of the region are held here or below; complete, receive, and try again.
  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    engine.releaseSpares(of: region.id)
    flush()
    let elsewhere = engine.byteCount(of: region.id)
    guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
    try lower.deregister(region)
  }

  /// Answers for the payload of a packet, and with this interface's own address.
  public mutating func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    switch request {
    case .maximumPacketByteCount: .byteCount(engine.maximumPayloadByteCount)
    case .hardwareAddress: .hardwareAddress(engine.mac.rawValue)
    }
  }

  public mutating func arm() -> Bool {
    if !engine.outgoing.isEmpty || !engine.dropped.isEmpty { notify() }
    let isBelowIdle = lower.arm()
    return isBelowIdle && engine.incoming.isEmpty && engine.returned.isEmpty && engine.completed.isEmpty
  }

  /// The spares come on top, so that the port below has as many as it wants.
  public var wantedBufferCount: Int {
    let below = lower.wantedBufferCount
    return below > 0 ? below + SpareBuffers.maximumCount : 0
  }

  public var isExhausted: Bool { engine.incoming.isEmpty && lower.isExhausted }

  public func accounts() -> BufferAccounts {
    var accounts = lower.accounts()
    engine.addHoldings(to: &accounts)
    return accounts
  }

  public func report(into reports: inout [StageReport]) {
    lower.report(into: &reports)
    reports.append(engine.sentCounters.report(cacheEntryCount: engine.cache.usedCount))
  }
}
