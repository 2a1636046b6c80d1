public import CleanQ
public import CleanQPipeline
public import CleanQWire

/// A virtio network device that another process offers on a vhost-user socket: DPDK, Open vSwitch, VPP, QEMU's back ends.
///
///     VhostUser("/run/x.sock")                     one queue pair
///     VhostUser("/run/x.sock", queues: 2)          two; the pipeline runs in two copies: run(onEach: [0, 1])
///
/// The back end listens, this side connects. When the back end goes, the stage waits for the next one and goes on with it.
/// Standing at the right end of a pipeline it does the same. Sendable.
public struct VhostUser: EndStage, Hashable {
  public typealias Unit = Frame
  public typealias Opened = VirtioNetPort

  /// The back end's socket.
  public var path: String
  public var settings: VirtioSettings

  /// - Parameters:
  ///   - queues: how many queue pairs are used, one for each copy of the pipeline.
  ///   - mac: this side's Ethernet address; nil for the device's own, or one made from the path.
  public init(_ path: String, queues: Int = 1, mac: MACAddress? = nil) {
    self.path = path
    settings = VirtioSettings(queues: queues, mac: mac)
  }

  public var shape: StageShape { .end(.frame, right: true) }

  /// One for each queue pair.
  public var copies: ClosedRange<Int> { settings.queues...settings.queues }

  public func open(in context: PipelineContext) throws(StageError) -> VirtioNetPort {
    try settings.open("vhost-user(\(path))", in: context) { () throws(VirtioError) in
      try VhostUserTransport(path: path, queuePairCount: settings.queues, logger: context.logger)
    }
  }

  /// The `vhost-user` of pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "vhost-user",
      summary: "a network device that another process offers on a vhost-user socket: DPDK, Open vSwitch, VPP",
      shapes: [.end(.frame, right: true)],
      parameters: [
        Parameter("path", .path, required: true, "the back end's socket; the back end listens on it")
      ] + VirtioSettings.parameters(address: "the device's own, or one made from the path, unless given"),
      examples: [
        "vhost-user(/run/x.sock) | ip(10.0.0.2/24) | udp(7) | echo",
        "vhost-user(/run/x.sock, queues: 2)@0,1 | ip(10.0.0.2/24) | udp(7) | echo",
        "vhost-user(/run/x.sock, packed: yes) | pcap(f.pcap) | tap(tap0)",
      ],
      notes: """
        The back end maps this process's buffers; reserve hugepages for speed. When it goes, the stage waits for the next \
        one on the same socket and goes on. \(VirtioSettings.notes)
        """,
      counts: VirtioNetCounters.descriptions
    ) { arguments throws(ArgumentComplaint) in
      var stage = VhostUser(arguments.text("path") ?? "")
      stage.settings = VirtioSettings(arguments)
      return stage
    }
  }
}
