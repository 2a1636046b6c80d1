public import CleanQ

/// A port that sends packets back to where they came from, in the same buffers, as far as its ``EchoGuard`` lets it.
@frozen
public struct EchoPort<Unit: Traffic>: StackedPort, ~Copyable {
  public var lower = LoopbackPort<Unit>()
  @usableFromInline var echoed = StageReport.Tally()
  /// What is not answered.
  @usableFromInline let guardian: EchoGuard
  private var drops = InlineArray<5, UInt64>(repeating: 0)
  /// Packets that are being turned round.
  @usableFromInline var turning = Burst()

  /// - Parameter guardian: what is not answered; the ports that the host has open are not known unless it says so.
  public init(_ guardian: EchoGuard = EchoGuard()) {
    self.guardian = guardian
  }

  /// Turns round what it takes, and takes what it has room for, so that no packet is turned round twice. Of a packet in
  /// several buffers the first has the addresses; one that is too short for them, or that must not be answered, is dropped,
  /// counted and completed, with all its buffers.
  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    let (count, refusal) = lower.offer(filled)
    var ended: UInt32 = 0
    var start = turnFast(&filled, count)
    while start < count {
      var end = start
      while !filled[end].flags.contains(.last) { end &+= 1 }
      end &+= 1
      if guardian.turn(&filled[start], as: Unit.self) {
        echoed.packets &+= 1
        for index in start..<end { echoed.bytes &+= UInt64(truncatingIfNeeded: filled[index].validByteCount) }
      } else {
        guard end &- start &+ ended.nonzeroBitCount <= lower.completionRoom else { break }
        countDrop(of: filled[start])
        for index in start..<end { ended |= 1 << UInt32(truncatingIfNeeded: index) }
      }
      start = end
    }
    guard start > 0 else { return count > 0 ? .full : refusal }
    filled.moveFirst(start, to: &turning)
    if ended != 0 { lower.giveBack(&turning, ended) }
    lower.deliver(&turning)
    return start < count ? .full : refusal
  }

  @usableFromInline
  mutating func countDrop(of buffer: borrowing Buffer) {
    drops[guardian.reason(buffer, as: Unit.self).rawValue] &+= 1
  }

  /// Turns round the packets in one buffer at the front of a burst, as far as they are long enough and may be answered.
  ///
  /// - Returns: how many.
  @inlinable
  @inline(__always)
  mutating func turnFast(_ filled: inout Burst, _ count: Int) -> Int {
    var turned = 0
    while turned < count {
      var stretch = filled.contiguousSpan(from: turned, to: count)
      var index = 0
      var byteCount = 0
      while index < stretch.count, stretch[index].flags.contains(.last),
        guardian.turn(&stretch[index], as: Unit.self)
      {
        byteCount &+= stretch[index].validByteCount
        index &+= 1
      }
      echoed.add(packetCount: index, byteCount: byteCount)
      guard index > 0 else { break }
      turned &+= index
    }
    return turned
  }

  public func report(into report: inout PortReport) {
    var own = StageReport("echo")
    own.transmitted = echoed
    own.received = echoed
    for drop in EchoDrop.allCases where drops[drop.rawValue] > 0 {
      own.drops.append(StageReport.Count(drop.name, drops[drop.rawValue]))
    }
    report.accounts = lower.accounts()
    report.stages.append(own)
  }
}
