public import CleanQ

/// A port that sends everything back to where it came from, in the same buffers.
@frozen
public struct EchoPort<Unit: Traffic>: StackedPort, ~Copyable {
  public var lower = LoopbackPort<Unit>()
  @usableFromInline var echoed = StageReport.Tally()
  @usableFromInline var tooShort: UInt64 = 0

  @inlinable
  public init() {}

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    // All or nothing, so that no packet is turned round twice.
    guard lower.hasRoom(for: filled) else { return .full }
    var shortOnes: UInt32 = 0
    for index in 0..<filled.count {
      if reflect(&filled[index], as: Unit.self) {
        echoed.add(byteCount: filled[index].validByteCount)
      } else {
        shortOnes |= 1 << UInt32(truncatingIfNeeded: index)
        tooShort &+= 1
      }
    }
    if shortOnes != 0 { lower.giveBack(&filled, shortOnes) }
    return lower.transmit(&filled)
  }

  public func report(into reports: inout [StageReport]) {
    var report = StageReport("echo")
    report.transmitted = echoed
    report.received = echoed
    if tooShort > 0 { report.drops = [StageReport.Count("truncated", tooShort)] }
    reports.append(report)
  }
}
