public import CleanQ
public import CleanQPipeline
public import CleanQVFIO
public import CleanQWire

/// A virtio network device on the PCI bus, driven in this process by way of VFIO.
///
///     Virtio("0000:00:04.0")                     one queue pair
///     Virtio("0000:00:04.0", queues: 2)          two; the pipeline runs in two instances: run(onEach: [0, 1])
///
/// The function is bound to `vfio-pci`: `cleanq devices bind 0000:00:04.0`. Standing at the right end of a pipeline it does
/// the same. Sendable.
public struct Virtio: EndStage, Hashable {
  public typealias Unit = Frame
  public typealias Opened = VirtioNetPort

  /// Where the function is, as `cleanq devices` lists it.
  public var address: String
  public var settings: VirtioSettings

  /// - Parameters:
  ///   - queues: how many queue pairs are used, one for each instance of the pipeline.
  ///   - mac: this side's Ethernet address; nil for the device's own.
  public init(_ address: String, queues: Int = 1, mac: MACAddress? = nil) {
    self.address = address
    settings = VirtioSettings(queues: queues, mac: mac)
  }

  public var shape: StageShape { .end(.frame, right: true) }

  public var resources: [StageResource] {
    PCIAddress(address).map { [StageResource("PCI device", "\($0)")] } ?? []
  }

  /// One for each queue pair.
  public var instances: ClosedRange<Int> { settings.queues...settings.queues }

  public func open(in context: PipelineContext) throws(StageError) -> VirtioNetPort {
    let stage = "virtio(\(address))"
    guard let place = PCIAddress(address) else {
      throw StageError(stage, NIC.diagnostic(aboutAddress: address) ?? "no such address")
    }
    return try settings.open("virtio(\(place))", in: context) { () throws(VirtioError) in
      try VirtioPCITransport(place, queuePairCount: settings.queues, logger: context.logger)
    }
  }

  /// The `virtio` of pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "virtio",
      summary: "a virtio network device on the PCI bus, driven in this process by way of VFIO",
      shapes: [.end(.frame, right: true)],
      parameters: [NIC.addressParameter] + VirtioSettings.parameters(address: "the device's own unless given"),
      examples: [
        "virtio(0000:00:04.0) | ip(10.0.0.2/24) | udp(7) | echo",
        "virtio(0000:00:04.0, queues: 2)@0,1 | ip(10.0.0.2/24) | udp(7) | echo",
        "virtio(0000:00:04.0) | pcap(f.pcap) | virtio(0000:00:05.0, packed: yes)",
      ],
      notes: """
        The device is given to this process by cleanq devices bind, and needs virtio 1.0, an IOMMU and ACCESS_PLATFORM (in \
        QEMU: disable-legacy=on,iommu_platform=on). \(VirtioSettings.notes)
        """,
      counts: VirtioNetCounters.descriptions
    ) { arguments throws(ArgumentError) in
      var stage = Virtio(arguments.text("address") ?? "")
      stage.settings = VirtioSettings(arguments)
      return stage
    }
  }
}

extension NICDriver {
  /// Virtio network devices: modern ones, and those that can be driven as legacy ones too.
  public static let virtio = NICDriver(stage: "virtio", ids: VirtioPCITransport.ids) { Virtio($0) }
}
