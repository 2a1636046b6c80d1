public import CleanQ
internal import CleanQWire

/// What the IP layer does with frames and packets, whatever is below: it moves buffers between bursts of its own, and
/// ``IPPort`` moves those to and from the ports.
///
///      lower.receive ► toReceive ─┬─ delivered ──► the user's burst
///                                 ├─ answered ───► toTransmit ► lower.transmit
///                                 └─ dropped ────► toFill ────► lower.fill
///      the user's burst ─┬─ wrapped ─────────────► toTransmit ► lower.transmit
///                        ├─ not resolved yet ────► pending ─┬► toTransmit
///                        └─ dropped ─────────────► toComplete ◄┘ ► the user's complete
///
/// Nothing is begun while a burst that it may end in is full, so nothing is ever lost. Thread-confined.
@usableFromInline
struct IPEngine: ~Copyable {
  let configuration: IPConfiguration
  /// The interface's Ethernet address.
  let mac: MACAddress
  /// The most bytes of an IP packet, header included.
  let mtu: Int
  /// The time of the last ``advance(to:)``.
  var now: MonotonicTime
  var counters = IPCounters()
  var cache = ARPCache()
  /// What other instances of the pipeline hear; nil where there are none.
  let sharedNeighbors: SharedNeighborCache?
  let notices: LinkNotices
  /// How many of its answers were looked at.
  var seenAnswerCount: UInt64 = 0
  var spares = SpareBuffers()
  var errorLimit = TokenBucket.icmpErrors
  var recentSender = RecentSender()

  /// Received frames not looked at yet, frames and free buffers for the port below, and the user's packets that were not sent.
  @usableFromInline var backlog = Backlog()
  /// What the port below has sent, not sorted yet.
  @usableFromInline var completed = Burst()
  /// Packets whose neighbour's Ethernet address is being asked for; no header is written yet.
  var pending = Burst()

  /// A neighbour of a pending packet has answered, or failed to.
  var isPendingDue = false
  /// The next received buffer continues a chain.
  var isInsideReceivedChain = false
  /// No answer of a neighbour will come any more.
  private(set) var isQuiescing = false
  /// Something has happened since the last tick.
  var isActive = false

  /// - Parameters:
  ///   - hardwareAddress: that of the port below, used where the configuration says none.
  ///   - onEvent: is told what stations on the link do; nil for nobody.
  init(
    _ configuration: IPConfiguration, hardwareAddress: MACAddress? = nil, mtu: Int = 1500, now: MonotonicTime,
    sharedNeighbors: SharedNeighborCache? = nil, onEvent: IPEventHandler? = nil
  ) {
    self.sharedNeighbors = sharedNeighbors
    notices = LinkNotices(onEvent)
    self.configuration = configuration
    mac = configuration.mac ?? hardwareAddress ?? configuration.defaultMAC
    self.mtu = max(0, min(mtu, 65_535))
    self.now = now
  }

  var address: IPv4Address { configuration.prefix.address }

  /// The most bytes that an IP header can carry here.
  var maximumPayloadByteCount: Int { max(0, mtu - IPv4Header.byteCount) }

  /// Whether an address means every host on the link. RFC 1122 § 3.2.1.3 (c), (d).
  func isBroadcast(_ address: IPv4Address) -> Bool {
    address.isLimitedBroadcast || address == configuration.prefix.directedBroadcast
  }

  /// Adds what is held here.
  func addHoldings(to accounts: inout BufferAccounts) {
    backlog.add(to: &accounts)
    accounts.addInFlight(completed)
    accounts.addInFlight(pending)
    accounts.addInFlight(spares.burst)
  }

  /// Bytes of one region that are held here.
  func byteCount(of region: RegionID) -> Int {
    backlog.byteCount(of: region) + completed.byteCount(of: region) + pending.byteCount(of: region)
      + spares.burst.byteCount(of: region)
  }

  /// Ends what waits for neighbours, as soon as there is room for it, and waits for none from now on.
  @usableFromInline
  mutating func quiesce() {
    isQuiescing = true
    isPendingDue = true
    releasePending()
    spares.end()
  }

  /// Ends a packet from above: the user gets the buffer back as if it had been sent; one that a layer made an answer of
  /// goes back to the receive queue. There must be room in both bursts.
  mutating func dropTransmitted(_ buffer: consuming Buffer, _ reason: IPDropReason) {
    counters.count(reason)
    var buffer = buffer
    buffer.flags.insert(.last)
    if buffer.flags.contains(.reply) {
      buffer.flags.remove(.reply)
      backlog.toFill.append(buffer)
    } else {
      backlog.toComplete.append(buffer)
    }
  }

  /// Whether a packet from above can end wherever it has to.
  var hasTransmitRoom: Bool { backlog.toTransmit.room > 0 && backlog.toFill.room > 0 && backlog.toComplete.room > 0 }
}
