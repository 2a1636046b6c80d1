public import CleanQ
public import CleanQNet
public import CleanQPipeline

/// The `echo` stage: sends frames, packets or datagrams back to their senders, except those that ``EchoGuard`` names.
public struct Echo: SinkStage {
  /// Whether datagrams from ports of other services are answered too.
  public let answersServices: Bool

  /// - Parameter answersServices: whether datagrams from ports of other services, and from the pipeline's own open ports, are
  ///   answered too. Two echo services that talk to each other never stop, so only where all senders are known.
  public init(answersServices: Bool = false) { self.answersServices = answersServices }

  @inlinable
  public func join<Left: Port & ~Copyable>(to left: consuming Left, in context: PipelineContext) throws(StageError) {
    context.add(
      left, EchoPort<Left.Unit>(EchoGuard(answersServices: answersServices, ownPorts: context.ownPorts)))
  }

  /// `echo` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "echo", summary: "sends frames, packets or datagrams back to their senders",
      parameters: [
        Parameter(
          "services", .boolean, keyOnly: true,
          "answer datagrams from the ports of services too; these may answer in turn, endlessly (default: no)"
        )
      ],
      examples: [
        "tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo", "tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo(services: yes)",
        "tap(tap0) | echo",
      ],
      notes: """
        RFC 862 for UDP. Not answered, but dropped and counted: what was sent to a broadcast or multicast address, datagrams \
        from port 0, and, unless services is yes, datagrams from ports below 1024, from ports of other common services, and \
        from the ports that the pipeline has open itself. More cannot be known: two echo services on different ports above \
        1024, here and at another host, can still be made to talk to each other without end by one datagram with a forged \
        source. Use ports below 1024, or keep forged sources out with a filter in front.
        """,
      counts: EchoDrop.allCases.map { .drop($0.name, $0.meaning) }
    ) { arguments throws(ArgumentError) in Echo(answersServices: arguments.boolean("services") ?? false) }
  }
}
