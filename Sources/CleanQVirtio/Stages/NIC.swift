public import CleanQ
public import CleanQPipeline
internal import CleanQVFIO
internal import CleanQWire

/// A network card on the PCI bus, whichever: the driver is chosen by the function's vendor and device.
///
///     NIC("0000:00:04.0")
///
/// Standing at the right end of a pipeline it does the same. Sendable.
public struct NIC: EndStage, Hashable {
  public typealias Unit = Frame
  public typealias Opened = VirtioNetPort

  /// Where the function is, as `cleanq devices` lists it.
  public var address: String

  public init(_ address: String) { self.address = address }

  public var shape: StageShape { .end(.frame, right: true) }

  public func open(in context: PipelineContext) throws(StageError) -> VirtioNetPort {
    let stage = "nic(\(address))"
    guard let place = PCIAddress(address) else {
      throw StageError(stage, Virtio.complaint(aboutAddress: address) ?? "no such address")
    }
    guard let function = PCIFunction(place) else { throw StageError(stage, VFIOError(place, .notFound).message) }
    guard function.vendor == VirtioPCITransport.vendor, VirtioPCITransport.networkDevices.contains(function.device)
    else {
      throw StageError(
        stage, "there is no driver for \(function.identifier) here; there is one for virtio network devices (1af4:1041)"
      )
    }
    return try Virtio(address).open(in: context)
  }

  /// The `nic` of pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "nic",
      summary: "a network card on the PCI bus, with the driver that its ids ask for",
      shapes: [.end(.frame, right: true)],
      parameters: [Virtio.addressParameter],
      examples: [
        "nic(0000:00:04.0) | ip(10.0.0.2/24) | udp(7) | echo", "nic(0000:00:04.0) | pcap(f.pcap) | tap(tap0)",
      ],
      notes: """
        Virtio network devices have a driver so far; virtio(PCI-ADDRESS) is the same with arguments. The card is given to \
        this process by cleanq devices bind.
        """
    ) { arguments throws(ArgumentComplaint) in
      NIC(arguments.text("address") ?? "")
    }
  }
}
