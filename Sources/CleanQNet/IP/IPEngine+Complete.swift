public import CleanQ

extension IPEngine {
  /// Keeps free buffers aside for questions, if some are missing.
  @usableFromInline
  mutating func collectSpares(from freeBuffers: inout Burst) { spares.collect(from: &freeBuffers) }

  /// Gives the user back what was not sent.
  @usableFromInline
  mutating func giveBack(into sent: inout Burst) { sent.append(contentsOf: &backlog.toComplete) }

  /// Sorts what the port below has sent: the user's buffers go up, answers become free buffers again, questions spares.
  ///
  /// - Complexity: O(number of buffers).
  @usableFromInline
  mutating func complete(into sent: inout Burst) {
    // Nothing of this stack's is among them, as is usual.
    if spares.awayCount == 0, !completed.contains(.reply) { return sent.append(contentsOf: &completed) }
    while sent.room > 0, backlog.toFill.room > 0, var buffer = completed.popFirst() {
      if spares.isAway(buffer) {
        spares.putBack(buffer)
      } else if buffer.flags.contains(.reply) {
        // The mark was this stack's. Whoever gets the buffer next must not take it for its own.
        buffer.flags.remove(.reply)
        backlog.toFill.append(buffer)
      } else {
        sent.append(buffer)
      }
    }
  }

  /// Takes the first outgoing buffer back, which the port below will never send.
  @usableFromInline
  mutating func takeBackFirst(isClosed: Bool) {
    guard backlog.toComplete.room > 0, backlog.toFill.room > 0, let buffer = backlog.toTransmit.popFirst() else {
      return
    }
    let reason = isClosed ? IPDropReason.closedBelow : .unknownRegion
    counters.uncount(buffer)
    if spares.isAway(buffer) {
      counters.count(reason)
      spares.putBack(buffer)
    } else {
      dropTransmitted(buffer, reason)
    }
  }

  /// What was counted, without the frames of this layer's own that wait for the port below: those are not sent yet.
  ///
  /// - Complexity: O(number of frames that wait).
  var sentCounters: IPCounters {
    var counters = counters
    for index in 0..<backlog.toTransmit.count { counters.uncount(backlog.toTransmit[index]) }
    return counters
  }

  /// Gives the spares of a region back to the receive queue, as far as there is room.
  mutating func releaseSpares(of region: RegionID) {
    if spares.region == region { spares.region = .none }
    for _ in 0..<spares.burst.count {
      guard backlog.toFill.room > 0, let buffer = spares.burst.popFirst() else { return }
      if buffer.region == region {
        backlog.toFill.append(buffer)
      } else {
        spares.burst.append(buffer)
      }
    }
  }
}
