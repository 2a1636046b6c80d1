public import CleanQ
public import CleanQPipeline

// The article "Adding a stage", followed. Its code stands here as it does there.

@frozen
public struct LongestPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  public typealias Unit = Lower.Unit
  public var lower: Lower
  @usableFromInline var longest = 0

  @inlinable
  public init(on lower: consuming Lower) { self.lower = lower }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    let before = filled.count
    lower.receive(into: &filled)
    for index in before..<filled.count { longest = max(longest, filled[index].validByteCount) }
  }

  public func report(into report: inout PortReport) {
    lower.report(into: &report)
    var stage = StageReport("longest")
    stage.gauges = [StageReport.Count("longest", UInt64(longest))]
    report.stages.append(stage)
  }
}

public struct Longest: PassThroughStage {
  public init() {}

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(LongestPort(on: lower))
  }
}

extension Longest {
  public static var kind: StageKind {
    StageKind(
      name: "longest", summary: "remembers the longest packet that came from the left, and changes nothing",
      examples: ["tap(tap0) | longest | discard"],
      counts: [.gauge("longest", "bytes of the longest packet so far")]
    ) { _ throws(ArgumentError) in Longest() }
  }
}
