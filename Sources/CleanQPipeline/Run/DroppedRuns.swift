public import CleanQ

/// What one direction of a junction drops: packets that the port which they are for would never take, however long they
/// waited. Waiting with them would stop the direction for good.
@frozen
public struct DroppedRuns: Sendable {
  /// Packets with a buffer of a region that the port does not know.
  public private(set) var unknownRegionCount: UInt64 = 0
  /// Packets in more buffers than a burst holds.
  public private(set) var tooLongCount: UInt64 = 0
  /// The next buffers belong to a packet that was dropped.
  @usableFromInline private(set) var isInside = false

  @usableFromInline
  init() {}

  /// How many packets were dropped.
  @usableFromInline
  var count: UInt64 { unknownRegionCount &+ tooLongCount }

  /// Drops the first packet of a burst where a port would never take it.
  ///
  /// - Parameters:
  ///   - refusal: what the port said of the burst's first packet.
  ///   - returned: where its buffers go, on the way to where they came from; without room there they return to their region.
  @usableFromInline
  mutating func settle(_ refusal: Refusal, _ burst: inout Burst, into returned: inout Burst) {
    switch refusal {
    case .unknownRegion: unknownRegionCount &+= 1
    case .incompleteChain where burst.room == 0: tooLongCount &+= 1
    default: return
    }
    skip(&burst, into: &returned)
  }

  /// Drops buffers up to the end of a packet.
  @usableFromInline
  mutating func skip(_ burst: inout Burst, into returned: inout Burst) {
    isInside = true
    while isInside, var buffer = burst.popFirst() {
      isInside = !buffer.flags.contains(.last)
      buffer.flags = .last
      if returned.room > 0 { returned.append(buffer) } else { buffer.release() }
    }
  }
}

extension Burst {
  /// Returns the first free buffers to their region, up to the end of a packet's, where a port would never take them.
  ///
  /// - Parameter refusal: what the port said of the first.
  @usableFromInline
  mutating func releaseHopeless(_ refusal: Refusal) {
    guard refusal == .unknownRegion || refusal == .incompleteChain && room == 0 else { return }
    while let buffer = popFirst() {
      let isLast = buffer.flags.contains(.last)
      buffer.release()
      if isLast { return }
    }
  }
}
