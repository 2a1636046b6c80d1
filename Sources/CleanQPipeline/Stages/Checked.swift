public import CleanQ
internal import Logging

/// The `checked` stage: checks, at run time, that every byte that passes is passed on by the side that owns it.
///
/// May stand between any two stages, more than once. Each violation is a counter in the summary, and the first ones are
/// lines in the log; ``CheckedPort`` says which there are. A pipeline without violations is not changed by it.
public struct Checked: PassThroughStage {
  /// Whether the first violation stops the pipeline.
  public let stops: Bool

  public init(stops: Bool = false) { self.stops = stops }

  public var shape: StageShape { .passThrough }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(CheckedPort(on: lower, stops: stops, report: Self.reporter(in: context)))
  }

  /// Writes violations to the pipeline's log.
  @usableFromInline
  static func reporter(in context: PipelineContext) -> @Sendable (OwnershipViolation) -> Void {
    let logger = context.logger
    return { violation in
      logger.error(
        "ownership violated: \(violation)",
        metadata: ["kind": "\(violation.kind.name)", "call": "\(violation.call)", "below": "\(violation.stageBelow)"])
    }
  }
}

extension Checked {
  /// `checked` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "checked", summary: "checks that every byte is passed on by the side that owns it; changes nothing",
      shapes: [.passThrough],
      parameters: [Parameter("stop", .flag, "end the pipeline at the first violation")],
      examples: [
        "tap(tap0) | checked | ip(10.0.0.2/24) | checked(stop) | udp(7) | echo", "tap(tap0) | checked | discard",
      ],
      notes: """
        Finds buffers that come up twice or were never handed down, that overlap, that are outside their region or of one \
        that is not registered, and bytes that are lost. Each kind is a counter; the first 16 are lines in the log, with \
        the last events of the buffer. A forged buffer goes no further.
        """,
      counts: counts
    ) { arguments throws(ArgumentError) in Checked(stops: arguments.flag("stop")) }
  }
}
