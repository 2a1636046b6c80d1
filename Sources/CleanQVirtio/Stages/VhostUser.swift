public import CleanQ
public import CleanQPipeline
public import CleanQWire
internal import Logging

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
  /// How many queue pairs are used, one for each copy of the pipeline.
  public var queues: Int
  /// This side's Ethernet address, for layers above that ask; nil for the device's own, or one made from the path.
  public var mac: MACAddress?
  /// Packed rings instead of split ones: true for these or nothing, false never, nil where the back end has them.
  public var packed: Bool?
  /// One frame in several buffers, on receive: as ``packed``, but nil means never, since buffers are long enough.
  public var mergeable: Bool?
  /// The back end keeps the order of buffers: as ``packed``.
  public var inOrder: Bool?
  /// Either side says when it wants to be notified next: as ``packed``.
  public var eventIndex: Bool?

  public init(_ path: String, queues: Int = 1, mac: MACAddress? = nil) {
    self.path = path
    self.queues = queues
    self.mac = mac
  }

  public var shape: StageShape { .end(.frame, right: true) }

  /// One for each queue pair.
  public var copies: ClosedRange<Int> { queues...queues }

  public func open(in context: PipelineContext) throws(StageError) -> VirtioNetPort {
    let device = try context.shared { () throws(StageError) in
      try attempt { () throws(VirtioError) in try makeDevice(in: context) }
    }
    return try attempt { () throws(VirtioError) in try VirtioNetPort(device, pair: context.copyIndex) }
  }

  private func makeDevice(in context: PipelineContext) throws(VirtioError) -> VirtioNetDevice {
    let transport = try VhostUserTransport(path: path, queuePairCount: queues, logger: context.logger)
    let device = try VirtioNetDevice(transport, pairCount: queues, options: options)
    context.logger.info("\(stageName): agreed on \(device.features)")
    return device
  }

  /// The variants as features that are required, or declined.
  private var options: VirtioNetOptions {
    var options = VirtioNetOptions()
    options.macAddress = mac
    // The back end writes to all of them in turn: no more than stay in its cache.
    options.receiveQueueSize = 256
    let variants: [(VirtioFeatures, Bool?)] = [
      (.ringPacked, packed), (.mergeableReceiveBuffers, mergeable), (.inOrder, inOrder), (.eventIndex, eventIndex),
    ]
    for case (let feature, let isWanted?) in variants {
      if isWanted {
        options.declined.subtract(feature)
        options.required.formUnion(feature)
      } else {
        options.declined.formUnion(feature)
      }
    }
    return options
  }

  /// The stage as errors name it.
  private var stageName: String { "vhost-user(\(path))" }

  /// Errors of the device as errors of the stage, which name it once.
  private func attempt<Value: ~Copyable>(
    _ body: () throws(VirtioError) -> Value
  ) throws(StageError) -> Value {
    do throws(VirtioError) { return try body() } catch {
      let text = error.description
      let name = stageName + ": "
      throw StageError(
        stageName, text.hasPrefix(name) ? String(text.dropFirst(name.count)) : text, errno: error.errno)
    }
  }
}
