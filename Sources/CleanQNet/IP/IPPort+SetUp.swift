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
    try QueueError.requireNone(elsewhereByteCount: engine.byteCount(of: region.id))
    try lower.deregister(region)
  }

  /// On `quiesce` what waits for a neighbour ends under a reason: the answer cannot come any more.
  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    if request == .quiesce { engine.quiesce() }
    try lower.control(request)
  }

  /// The link is that of the payload of a packet, with this interface's own address. The spares come on top, so that the port below
  /// has as many buffers as it wants.
  public var capabilities: PortCapabilities {
    var capabilities = lower.capabilities
    capabilities.link = .init(
      maximumPacketByteCount: engine.maximumPayloadByteCount, hardwareAddress: engine.mac.rawValue)
    if capabilities.wantedBufferCount > 0 { capabilities.wantedBufferCount += SpareBuffers.maximumCount }
    return capabilities
  }

  public mutating func sleep(_ step: SleepStep) -> Readiness {
    var deadline = MonotonicTime.never
    if case .tick(let now) = step { deadline = engine.advance(to: now) }
    // The loop may sleep after this, without another turn: what goes out now is announced now.
    if step != .disarm, engine.backlog.hasDepartures { notify() }
    var readiness = lower.sleep(step)
    readiness.deadline = min(readiness.deadline, deadline)
    if !engine.backlog.toReceive.isEmpty { readiness.isExhausted = false }
    if engine.backlog.hasArrivals || !engine.completed.isEmpty { readiness.hasWork = true }
    return readiness
  }

  public func report(into report: inout PortReport) {
    lower.report(into: &report)
    engine.addHoldings(to: &report.accounts)
    report.stages.append(engine.sentCounters.report(cacheEntryCount: engine.cache.usedCount))
  }
}
