public import CleanQ

/// A port that sends everything back to where it came from, in the same buffers.
@frozen
public struct EchoPort<Unit: Traffic>: StackedPort, ~Copyable {
  public var lower = LoopbackPort<Unit>()
  @usableFromInline var echoed = StageReport.Tally()
  @usableFromInline var tooShort: UInt64 = 0
  /// Packets that are being turned round.
  @usableFromInline var turning = Burst()

  @inlinable
  public init() {}

  /// Turns round what it takes, and takes what it has room for, so that no packet is turned round twice. Of a packet in
  /// several buffers the first has the addresses; one that is too short for them is dropped, counted and completed, with all
  /// its buffers.
  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    let (count, refusal) = lower.offer(filled)
    var shortOnes: UInt32 = 0
    var start = turnUsual(&filled, count)
    while start < count {
      var end = start
      while !filled[end].flags.contains(.last) { end &+= 1 }
      end &+= 1
      if reflect(&filled[start], as: Unit.self) {
        echoed.packets &+= 1
        for index in start..<end { echoed.bytes &+= UInt64(truncatingIfNeeded: filled[index].validByteCount) }
      } else {
        guard end &- start &+ shortOnes.nonzeroBitCount <= lower.completionRoom else { break }
        tooShort &+= 1
        for index in start..<end { shortOnes |= 1 << UInt32(truncatingIfNeeded: index) }
      }
      start = end
    }
    guard start > 0 else { return count > 0 ? .full : refusal }
    filled.moveFirst(start, to: &turning)
    if shortOnes != 0 { lower.giveBack(&turning, shortOnes) }
    lower.deliver(&turning)
    return start < count ? .full : refusal
  }

  /// Turns round the packets in one buffer at the front of a burst, as far as they are long enough.
  ///
  /// - Returns: how many.
  @inlinable
  @inline(__always)
  mutating func turnUsual(_ filled: inout Burst, _ count: Int) -> Int {
    var turned = 0
    while turned < count {
      var stretch = filled.stretch(from: turned, to: count)
      var index = 0
      var byteCount = 0
      while index < stretch.count, stretch[index].flags.contains(.last), reflect(&stretch[index], as: Unit.self) {
        byteCount &+= stretch[index].validByteCount
        index &+= 1
      }
      echoed.add(packetCount: index, byteCount: byteCount)
      guard index > 0 else { break }
      turned &+= index
    }
    return turned
  }

  public func report(into reports: inout [StageReport]) {
    var report = StageReport("echo")
    report.transmitted = echoed
    report.received = echoed
    if tooShort > 0 { report.drops = [StageReport.Count("truncated", tooShort)] }
    reports.append(report)
  }
}
