public import CleanQ
internal import CleanQWire

extension IPEngine {
  /// How long the clock may stand still. Nothing here asks for the time, so it has to come by itself.
  private static let activeTickMilliseconds: UInt64 = 50
  private static let idleTickMilliseconds: UInt64 = 500

  /// Lets time pass: asks again, gives up.
  ///
  /// - Returns: when to call again, at the latest.
  /// - Complexity: O(number of cache entries).
  @usableFromInline
  mutating func advance(to time: MonotonicTime) -> MonotonicTime {
    now = time
    cache.forgetRecent()
    takeAnswers()
    for index in cache.indices where cache[index].state != .free { tick(index) }
    releasePending()
    let wait = isActive ? Self.activeTickMilliseconds : Self.idleTickMilliseconds
    isActive = false
    return now.advanced(byMilliseconds: wait)
  }

  private mutating func tick(_ index: Int) {
    if cache[index].isAskUnstamped {
      cache[index].isAskUnstamped = false
      cache[index].asked = now
    }
    let entry = cache[index]
    guard entry.tryCount > 0, entry.state != .failed,
      ARPCache.hasPassed(ARPCache.askMilliseconds, since: entry.asked, at: now)
    else { return }
    guard entry.tryCount >= ARPCache.maximumTryCount else {
      ask(index)
      cache[index].isAskUnstamped = false
      return
    }
    counters.arpNeighborsLost &+= 1
    if entry.queuedCount > 0 {
      cache[index].state = .failed
      isPendingDue = true
    } else {
      cache[index] = Neighbor()
    }
  }

  /// Sends the pending packets whose neighbour has answered and drops those whose neighbour has not, or will not because the
  /// pipeline stops, in order, as far as there is room.
  ///
  /// - Complexity: O(1) where nothing has changed, else O(number of pending packets).
  mutating func releasePending() {
    if !pending.isEmpty { takeAnswers() }
    guard isPendingDue else { return }
    isPendingDue = false
    for _ in 0..<pending.count {
      guard let buffer = pending.popFirst() else { return }
      let metadata = buffer.packetMetadata
      let index = nextHop(to: metadata.destination).flatMap { cache.index(of: $0) }
      // Every pending packet has an entry, which is not replaced while it has packets.
      guard let index, cache[index].state != .asking || isQuiescing, hasTransmitRoom else {
        if index.map({ cache[$0].state != .asking || isQuiescing }) ?? true { isPendingDue = true }
        pending.append(buffer)
        continue
      }
      cache[index].queuedCount &-= 1
      if cache[index].state == .known {
        let mac = cache[index].mac
        emit(buffer, metadata, to: mac)
      } else {
        dropTransmitted(buffer, isQuiescing ? .arpStopped : .arpUnresolved)
        if cache[index].queuedCount == 0 { cache[index] = Neighbor() }
      }
    }
  }
}
