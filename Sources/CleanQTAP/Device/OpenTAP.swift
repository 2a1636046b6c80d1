internal import CleanQPipeline
internal import Logging

/// A device that is open, set up and up, and what belongs to it.
struct OpenTAP: ~Copyable {
  // The ring goes before the device: it holds on to the device's file.
  let transport: Transport
  let device: TAPDevice
  let waker: TAPWaker
  /// The longest packet of the link.
  let mtu: Int
  /// Datagrams of a flow may go to the kernel as one frame.
  let takesTrains: Bool
  /// What was set up, and is undone until it is kept.
  let link: TAPLink

  /// Makes the device that a description asks for or attaches to it, sets it up, and brings it up last.
  ///
  /// - Throws: what was wrong and what to do; whatever was made or changed before is undone.
  init(_ tap: TAP, logger: Logger) throws(StageError) {
    let stage = tap.stageName
    if let problem = TAPName.complaint(about: tap.name) ?? tap.complaint { throw StageError(stage, problem) }
    let device = try TAPDevice(name: tap.name)
    // The ring is tried out before there is a device, so that the trial cannot take a frame.
    let transport = try Transport(tap.io, file: device.file, stage: stage, logger: logger)
    let waker = try TAPWaker(stage: stage)
    let wasThere = device.exists
    let takesTrains = try device.attach(offload: tap.offload)
    let link = try Self.setUp(device, tap, isNew: !wasThere)
    mtu = try link.mtu()
    self.transport = transport
    self.device = device
    self.waker = waker
    self.link = link
    self.takesTrains = takesTrains
    if tap.offload, !takesTrains {
      logger.notice("\(stage): each datagram goes to the kernel alone; those of a flow go as one from Linux 6.2 on")
    }
  }

  private static func setUp(_ device: borrowing TAPDevice, _ tap: TAP, isNew: Bool) throws(StageError) -> TAPLink {
    var link = try TAPLink(device)
    if let mac = tap.mac { try link.setMAC(mac) }
    if let mtu = tap.mtu { try link.setMTU(mtu) }
    if let address = tap.address { try link.setAddress(address) }
    if tap.persistent, isNew { try link.makePersistent() }
    try link.bringUp()
    return link
  }
}
