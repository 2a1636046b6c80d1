public import CleanQPipeline

/// The `echo` stage: sends frames, packets or datagrams back to their senders.
public struct Echo: SinkStage {
  public init() {}

  public var shape: StageShape { .sink }

  @inlinable
  public func open<Next: PortContinuation>(
    in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result {
    try next(EchoPort<Next.Unit>())
  }

  /// `echo` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "echo", summary: "sends everything back to its sender: frames, packets or datagrams", shapes: [.sink],
      examples: ["tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo", "tap(tap0) | echo"],
      notes: "RFC 862 for UDP. Two echo services that talk to each other never stop.",
      counts: [.drop("truncated", "packet too short for the headers that are swapped; the sender is broken")]
    ) { _ throws(ArgumentComplaint) in Echo() }
  }
}
