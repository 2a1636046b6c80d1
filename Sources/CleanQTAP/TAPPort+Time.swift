internal import CleanQ

extension TAPPort {
  /// Looks at the kernel's side of the device twice a second; in between this costs a comparison.
  ///
  /// - Returns: when to look again.
  mutating func look(at now: MonotonicTime) -> MonotonicTime {
    guard !isGone, isWatched else { return .never }
    guard now >= nextLook else { return nextLook }
    nextLook = now.advanced(byMilliseconds: TAPWatch.intervalMilliseconds)
    guard let look = watch.look() else {
      // It was removed, which the next read says, or moved to another namespace, where it goes on.
      isWatched = false
      return .never
    }
    if look.isUp != isUp {
      isUp = look.isUp
      if !isUp { counters.linkDownCount &+= 1 }
      onEvent(.linkChanged(isUp: isUp))
    }
    if look.mtu != mtu {
      counters.mtuChangeCount &+= 1
      onEvent(.mtuChanged(from: mtu, to: look.mtu, room: packetRoom))
      mtu = look.mtu
    }
    if let count = look.kernelDropCount, count > counters.kernelDropCount ?? 0 {
      onEvent(.kernelDropped(count: count &- (counters.kernelDropCount ?? 0)))
    }
    counters.kernelDropCount = look.kernelDropCount
    tellDrops()
    return nextLook
  }

  /// Tells which frames were dropped since the last time.
  private mutating func tellDrops() {
    let (drops, told) = (counters.drops, toldDrops)
    guard drops != told else { return }
    toldDrops = drops
    if drops.oversize != told.oversize {
      onEvent(
        .oversize(count: drops.oversize &- told.oversize, mtu: mtu, longest: counters.longestOversizeByteCount))
    }
    if drops.truncated != told.truncated { onEvent(.truncated(count: drops.truncated &- told.truncated)) }
    let refused = drops.failedCount &- told.failedCount
    if refused > 0 { onEvent(.refused(count: refused)) }
  }

  /// The longest packet that is read whole into the next buffer; nil where there is none.
  private var packetRoom: Int? {
    guard receiving.waitingCount > 0 else { return nil }
    // A read that fills the buffer may have been cut off.
    let room = receiving[waiting: 0].byteCount &- receiving[waiting: 0].headroom
    return room &- 1 &- Self.headerByteCount &- Self.tagByteCount
  }
}
