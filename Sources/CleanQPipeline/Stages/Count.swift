public import CleanQ

/// Counts packets and bytes in both directions, and changes nothing.
@frozen
public struct CountPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  public typealias Unit = Lower.Unit

  public var lower: Lower
  @usableFromInline var received = StageReport.Tally()
  @usableFromInline var transmitted = StageReport.Tally()
  @usableFromInline let name: StaticString

  /// - Parameter name: of the stage, in its report.
  @inlinable
  public init(on lower: consuming Lower, name: StaticString = "count") {
    self.lower = lower
    self.name = name
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    let before = filled.count
    lower.receive(into: &filled)
    received.add(packetCount: filled.count &- before, byteCount: filled.validByteCount(from: before))
  }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    // What the port below does not take is counted when it comes again.
    let (packetCount, byteCount) = (filled.count, filled.validByteCount(from: 0))
    let refusal = lower.transmit(&filled)
    transmitted.add(packetCount: packetCount &- filled.count, byteCount: byteCount &- filled.validByteCount(from: 0))
    return refusal
  }

  public func report(into report: inout PortReport) {
    lower.report(into: &report)
    var own = StageReport("\(name)")
    own.received = received
    own.transmitted = transmitted
    report.stages.append(own)
  }
}

/// The `count` stage.
public struct Count: PassThroughStage {
  public init() {}

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(CountPort(on: lower))
  }
}
