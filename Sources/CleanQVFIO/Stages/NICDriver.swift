public import CleanQ
public import CleanQPipeline

/// A driver of network cards, as the stage ``NIC`` finds it: which functions it drives, and the stage that opens one.
///
/// A driver's module has one as a static member, `NICDriver.virtio`; the program lists those that it supports.
public struct NICDriver: Sendable {
  /// Vendor and device of a function, as in its configuration space. Source: [PCI Local Bus 3.0 § 6.2.1].
  public struct ID: Hashable, Sendable {
    public let vendor: UInt16
    public let device: UInt16

    public init(vendor: UInt16, device: UInt16) {
      self.vendor = vendor
      self.device = device
    }
  }

  /// What stage it is the driver of: `virtio`.
  public let stage: String
  /// The functions that it drives.
  public let ids: [ID]
  let open: @Sendable (String, PipelineContext) throws(StageError) -> AnyPort<Frame>

  /// Describes a driver.
  ///
  /// - Parameters:
  ///   - stage: the name of its stage in pipeline texts.
  ///   - make: its stage for a function, by address, with nothing else said.
  public init<Stage: EndStage>(
    stage: String, ids: [ID], make: @escaping @Sendable (_ address: String) -> Stage
  ) where Stage.Unit == Frame {
    self.stage = stage
    self.ids = ids
    open = { (address, context) throws(StageError) in AnyPort(try make(address).open(in: context)) }
  }

  func drives(_ function: PCIFunction) -> Bool {
    ids.contains(ID(vendor: function.vendor, device: function.device))
  }
}

extension NICDriver: CustomStringConvertible {
  /// `virtio (1af4:1041, 1af4:1000)`
  public var description: String {
    let ids = ids.map { "\(hexadecimal($0.vendor, digits: 4)):\(hexadecimal($0.device, digits: 4))" }
    return "\(stage) (\(ids.joined(separator: ", ")))"
  }
}
