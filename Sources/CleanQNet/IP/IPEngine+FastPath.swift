internal import CleanQ
internal import CleanQWire

// The common packet: UDP (sent ones: of the protocol and hops of the one before), whole, without IP options, between this host
// and one neighbour, in one buffer. It is recognised and wrapped with a load or a store per word, where it lies in its burst.
// Anything else takes the slow path, which says what is wrong with it; a common packet that takes the slow path comes out
// the same (`FastPathTests`).
//
//      bytes of the frame   0        6          12     14             18                    26
//                           ┌────────┬──────────┬──────┬──────────────┬─────────────────────┬─────────────────────┐
//                           │ to     │ from     │ type │ 45, length   │ id, fragment, ttl,  │ source, destination │
//                           │        │          │      │              │ protocol, checksum  │                     │
//                           └────────┴──────────┴──────┴──────────────┴─────────────────────┴─────────────────────┘
//
// The loops know one peer and are functions of their own (`RecentSender`, `RecentNeighbor`), so that all they need stays in
// registers.

extension IPEngine {
  /// Ethernet and IPv4 header together.
  static var headersByteCount: Int { EthernetHeader.byteCount + IPv4Header.byteCount }

  /// How many received frames, from the first, are common packets, and now are IP payloads for the layer above.
  ///
  /// - Parameter limit: the most that can be delivered.
  mutating func acceptFast(limit: Int) -> Int {
    guard !isInsideReceivedChain else { return 0 }
    let limit = min(limit, incoming.count)
    var accepted = 0
    while accepted < limit {
      let (count, byteCount) = recentSender.accept(incoming.contiguousSpan(from: accepted, to: limit))
      counters.received.add(packetCount: count, byteCount: byteCount)
      accepted &+= count
      // What stopped it was the end of the stretch, or another sender, or it is not usual.
      guard accepted < limit, count > 0 || recentSender.adopt(incoming[accepted]) else { break }
    }
    return accepted
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
