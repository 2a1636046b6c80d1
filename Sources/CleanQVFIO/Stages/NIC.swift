public import CleanQ
public import CleanQPipeline

/// A network card on the PCI bus, whichever: the driver is chosen by the function's vendor and device, from a table.
///
///     NIC("0000:00:04.0", drivers: [.virtio])
///
/// Standing at the right end of a pipeline it does the same. Drivers have ports of different types, and which it will be is known
/// only when the card has been looked at: so there is a dynamic call per burst, as in a pipeline from a text. The driver's own
/// stage has none. Sendable.
public struct NIC: EndStage {
  public typealias Unit = Frame
  public typealias Opened = AnyPort<Frame>

  /// Where the function is, as `cleanq devices` lists it.
  public var address: String
  /// The first that knows the function's ids is taken.
  public var drivers: [NICDriver]

  public init(_ address: String, drivers: [NICDriver]) {
    self.address = address
    self.drivers = drivers
  }

  public var resources: [StageResource] {
    PCIAddress(address).map { [StageResource("PCI device", "\($0)")] } ?? []
  }

  public func open(in context: PipelineContext) throws(StageError) -> AnyPort<Frame> {
    try driver(in: .machine).open(address, context)
  }

  /// The port as it is, and not in another one of its kind.
  public func openBottom(in context: PipelineContext) throws(StageError) -> AnyStack { .frames(try open(in: context)) }

  public func openTop(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) -> Bool {
    guard let left = stack.port(of: Frame.self) else { return false }
    context.add(left, try open(in: context))
    return true
  }

  /// The driver for the card that is at the address.
  func driver(in tree: SystemTree) throws(StageError) -> NICDriver {
    let stage = "nic(\(address))"
    if let problem = Self.diagnostic(aboutAddress: address) { throw StageError(stage, problem) }
    guard let place = PCIAddress(address), let function = PCIFunction(place, in: tree) else {
      throw StageError(stage, VFIOError(address, .notFound).message)
    }
    if let driver = drivers.first(where: { $0.drives(function) }) { return driver }
    let known = drivers.map(\.description).joined(separator: ", ")
    throw StageError(stage, "there is no driver for \(function.identifier) here, but for \(known)")
  }
}

extension NIC {
  /// The `nic` of pipeline texts, with these drivers.
  public static func kind(drivers: [NICDriver]) -> StageKind {
    StageKind(
      name: "nic",
      summary: "a network card on the PCI bus, with the driver that its ids ask for",
      parameters: [addressParameter],
      examples: [
        "nic(0000:00:04.0) | ip(10.0.0.2/24) | udp(7) | echo", "nic(0000:00:04.0) | pcap(f.pcap) | tap(tap0)",
      ],
      notes: """
        Drivers: \(drivers.map(\.description).joined(separator: ", ")). The stage named there is the same with arguments. The \
        card is given to this process by cleanq devices bind.
        """
    ) { arguments throws(ArgumentError) in
      NIC(arguments.text("address") ?? "", drivers: drivers)
    }
  }

  /// The argument by which a driver's stage in pipeline texts names its function.
  public static var addressParameter: Parameter {
    Parameter(
      "address", .custom(placeholder: "PCI-ADDRESS") { diagnostic(aboutAddress: $0) }, required: true,
      "the device, as cleanq devices lists it")
  }

  /// What is wrong with the text of a PCI address, as it reads after a colon; nil when nothing is.
  public static func diagnostic(aboutAddress text: String) -> String? {
    PCIAddress.diagnostic(about: text)
  }
}
