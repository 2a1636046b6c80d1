public import CleanQ
public import CleanQPipeline
internal import CleanQVFIO
public import CleanQWire
internal import Logging

/// A virtio network device on the PCI bus, driven in this process by way of VFIO.
///
///     Virtio("0000:00:04.0")                     one queue pair
///     Virtio("0000:00:04.0", queues: 2)          two; the pipeline runs in two copies: run(onEach: [0, 1])
///
/// The function is bound to `vfio-pci`: `cleanq devices bind 0000:00:04.0`. Standing at the right end of a pipeline it does
/// the same. Sendable.
public struct Virtio: EndStage, Hashable {
  public typealias Unit = Frame
  public typealias Opened = VirtioNetPort

  /// Where the function is, as `cleanq devices` lists it.
  public var address: String
  /// How many queue pairs are used, one for each copy of the pipeline.
  public var queues: Int
  /// This side's Ethernet address; nil for the device's own.
  public var mac: MACAddress?
  /// Packed rings instead of split ones: true for these or nothing, false never, nil where the device has them.
  public var packed: Bool?
  /// One frame in several buffers, on receive: as ``packed``, but nil means never, since buffers are long enough.
  public var mergeable: Bool?
  /// The device keeps the order of buffers: as ``packed``.
  public var inOrder: Bool?
  /// Either side says when it wants to be notified next: as ``packed``.
  public var eventIndex: Bool?

  public init(_ address: String, queues: Int = 1, mac: MACAddress? = nil) {
    self.address = address
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
    if let problem = Self.complaint(aboutAddress: address) {
      throw VirtioError(.unsupported, context: "\(stageName): \(problem)")
    }
    guard let place = PCIAddress(address) else { throw VirtioError(.unsupported, context: stageName) }
    let transport = try VirtioPCITransport(place, logger: context.logger)
    let device = try VirtioNetDevice(transport, pairCount: queues, options: options)
    context.logger.info("\(stageName): agreed on \(device.features)")
    return device
  }

  private var options: VirtioNetOptions {
    VirtioNetOptions(
      mac: mac,
      variants: [
        (.ringPacked, packed), (.mergeableReceiveBuffers, mergeable), (.inOrder, inOrder), (.eventIndex, eventIndex),
      ])
  }

  /// The stage as errors name it.
  private var stageName: String { "virtio(\(address))" }

  private func attempt<Value: ~Copyable>(
    _ body: () throws(VirtioError) -> Value
  ) throws(StageError) -> Value {
    do throws(VirtioError) { return try body() } catch { throw StageError(stageName, error) }
  }
}
