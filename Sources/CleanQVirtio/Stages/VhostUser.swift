public import CleanQ
public import CleanQPipeline
public import CleanQWire
internal import Logging

/// A virtio network device that another process offers on a vhost-user socket: DPDK, Open vSwitch, VPP, QEMU's back ends.
///
///     VhostUser("/run/x.sock")                     one queue pair
///     VhostUser("/run/x.sock", queues: 2)          two; the pipeline runs in two instances: run(onEach: [0, 1])
///
/// The back end listens, this side connects. When the back end goes, the stage waits for the next one and goes on with it.
/// Standing at the right end of a pipeline it does the same. Sendable.
public struct VhostUser: EndStage, Hashable {
  public typealias Unit = Frame
  public typealias Opened = VirtioNetPort

  /// The back end's socket.
  public var path: String
  public var settings: VirtioSettings
  /// Whether this back end and the one at the other end of the pipeline, where there is one, may map the same memory, and so
  /// read and change each other's packets. Else packets between the two are copied. Either stage may say so.
  public var isShared = false

  /// - Parameters:
  ///   - queues: how many queue pairs are used, one for each instance of the pipeline.
  ///   - mac: this side's Ethernet address; nil for the device's own, or one made from the path.
  public init(_ path: String, queues: Int = 1, mac: MACAddress? = nil) {
    self.path = path
    settings = VirtioSettings(queues: queues, mac: mac)
  }

  public var shape: StageShape { .end(.frame, right: true) }

  public var resources: [StageResource] { [.file(path, kind: "socket")] }

  /// One for each queue pair.
  public var instances: ClosedRange<Int> { settings.queues...settings.queues }

  public func open(in context: PipelineContext) throws(StageError) -> VirtioNetPort {
    _ = context.admitPeer(name, shares: isShared)
    return try openPort(in: context)
  }

  @inlinable
  public func openEnd<Left: Port & ~Copyable>(of left: consuming Left, in context: PipelineContext) throws(StageError)
  where Left.Unit == Frame {
    if let other = context.admitPeer(name, shares: isShared) {
      context.add(left, try openCopying(beside: other, in: context))
    } else {
      context.add(left, try openPort(in: context))
    }
  }

  public func openTop(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) -> Bool {
    guard let left = stack.port(of: Frame.self) else { return false }
    if let other = context.admitPeer(name, shares: isShared) {
      context.add(left, AnyPort(try openCopying(beside: other, in: context)))
    } else {
      context.add(left, AnyPort(try openPort(in: context)))
    }
    return true
  }

  /// As errors name the stage.
  @usableFromInline
  var name: String { "vhost-user(\(path))" }

  @usableFromInline
  func openPort(in context: PipelineContext) throws(StageError) -> VirtioNetPort {
    try settings.open(name, in: context) { () throws(VirtioError) in
      try VhostUserTransport(
        path: path, queuePairCount: settings.queues, logger: context.logger, cancelFile: context.cancelFile)
    }
  }

  /// The port with memory of its own.
  @usableFromInline
  func openCopying(
    beside other: String, in context: PipelineContext
  ) throws(StageError) -> CopyingPort<VirtioNetPort> {
    let port = try openPort(in: context)
    context.logger.notice(
      "\(name): packets are copied, so that it and \(other) cannot change each other's; shared: yes turns that off")
    return try CopyingPort.make(on: port, logger: context.logger)
  }

  /// The `vhost-user` of pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "vhost-user",
      summary: "a network device that another process offers on a vhost-user socket: DPDK, Open vSwitch, VPP",
      shapes: [.end(.frame, right: true)],
      parameters: [
        Parameter("path", .path, required: true, "the back end's socket; the back end listens on it"),
        Parameter(
          "shared", .boolean, default: "no", keyOnly: true,
          "whether two back ends, one at each end, may map the same buffers and change each other's packets"),
      ] + VirtioSettings.parameters(address: "the device's own, or one made from the path, unless given"),
      examples: [
        "vhost-user(/run/x.sock) | ip(10.0.0.2/24) | udp(7) | echo",
        "vhost-user(/run/x.sock, queues: 2)@0,1 | ip(10.0.0.2/24) | udp(7) | echo",
        "vhost-user(/run/x.sock, packed: yes) | pcap(f.pcap) | tap(tap0)",
      ],
      notes: """
        The back end maps this process's buffers; reserve hugepages for speed. When it goes, the stage waits for the next \
        one on the same socket and goes on. Between two back ends, which do not trust each other, packets are copied, unless \
        one of them says shared: yes; the left one can still change its own packets, and those for it, under the stages in \
        between. \(VirtioSettings.notes)
        """,
      counts: VirtioNetCounters.descriptions + VirtioNetCounters.peerDescriptions
    ) { arguments throws(ArgumentError) in
      var stage = VhostUser(arguments.text("path") ?? "")
      stage.settings = VirtioSettings(arguments)
      stage.isShared = arguments.boolean("shared") ?? false
      return stage
    }
  }
}
