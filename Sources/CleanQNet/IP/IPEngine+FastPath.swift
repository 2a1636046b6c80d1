internal import CleanQ
internal import CleanQWire

// The common packet: UDP (sent ones: of the protocol and hops of the one before), whole, without IP options, between this host
// and one neighbour, in one buffer. It is recognised and wrapped with a load or a store per word (`IPv4Frame`), where it lies
// in its burst. Anything else takes the slow path, which says what is wrong with it; a common packet that takes the slow path
// comes out the same (`FastPathTests`).
//
// The loops know one peer and are functions of their own (`RecentSender`, `RecentNeighbor`), so that all they need stays in
// registers.

extension IPEngine {
  /// How many received frames, from the first, are common packets, and now are IP payloads for the layer above.
  ///
  /// - Parameter limit: the most that can be delivered.
  mutating func acceptFast(limit: Int) -> Int {
    guard !isInsideReceivedChain else { return 0 }
    let limit = min(limit, backlog.toReceive.count)
    var accepted = 0
    while accepted < limit {
      let (count, byteCount) = recentSender.accept(backlog.toReceive.contiguousSpan(from: accepted, to: limit))
      counters.received.add(packetCount: count, byteCount: byteCount)
      accepted &+= count
      // What stopped it was the end of the span, or another sender, or it is not a common one.
      guard accepted < limit, count > 0 || adoptSender(at: accepted) else { break }
    }
    return accepted
  }

  /// Takes the sender of a received frame for the recent one, where packets may come from it: from one station that is not us, and
  /// one host that is not us, with IPv4 without options, to us.
  ///
  /// - Returns: whether it is another sender than before, and may be one.
  private mutating func adoptSender(at index: Int) -> Bool {
    guard backlog.toReceive[index].validByteCount >= IPv4Frame.byteCount else { return false }
    let frame = IPv4Frame(backlog.toReceive[index].bytes)
    let ethernet = frame.ethernet
    guard frame.isIPv4WithoutOptions, ethernet.destination == mac, isStation(ethernet.source),
      frame.ip.destination == address, isNeighborHost(frame.ip.source)
    else { return false }
    return recentSender.adopt(frame)
  }

  /// How many packets from above, from the first, are common ones for the neighbour of the last packet, in buffers of one
  /// region, and now are frames.
  ///
  /// - Parameter limit: the most that can be sent.
  mutating func wrapFast(_ filled: inout Burst, of region: RegionID, limit: Int) -> Int {
    guard let neighbor = cache.recent else { return 0 }
    let maximum = min(maximumPayloadByteCount, 65_535 - IPv4Header.byteCount)
    var wrapped = 0
    while wrapped < limit {
      let stretch = filled.contiguousSpan(from: wrapped, to: limit)
      let (count, byteCount) = neighbor.wrap(stretch, of: region, maximumByteCount: maximum)
      counters.transmitted.add(packetCount: count, byteCount: byteCount)
      guard count > 0 else { break }
      wrapped &+= count
    }
    return wrapped
  }
}
