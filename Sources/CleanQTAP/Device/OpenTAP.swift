internal import CleanQPipeline
internal import Glibc
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
  /// What was set up, and is undone when it goes.
  let link: TAPLink
  /// The device was made; else it was there before.
  let isNew: Bool

  /// Makes the device that a description asks for or attaches to it, sets it up, and brings it up last.
  ///
  /// - Throws: what was wrong and what to do; whatever was made or changed before is undone.
  init(_ tap: TAP, logger: Logger) throws(StageError) {
    let stage = tap.stageName
    if let problem = TAPName.diagnostic(about: tap.name) ?? tap.diagnostic { throw StageError(stage, problem) }
    let device = try TAPDevice(name: tap.name)
    // The ring is tried out before there is a device, so that the trial cannot take a frame.
    let transport = try Transport(tap.io, file: device.file, stage: stage, logger: logger)
    let waker = try TAPWaker(stage: stage)
    let before = device.index
    if before == 0, !tap.create { throw StageError(stage, TAPDevice.missing(tap.name), errno: ENODEV) }
    let takesTrains = try device.attach(offload: tap.offload)
    // One that went in between was made again, and is gone with the file.
    if device.index != before, !tap.create { throw StageError(stage, TAPDevice.missing(tap.name), errno: ENODEV) }
    let isNew = device.index != before
    let link = try Self.setUp(device, tap, isNew: isNew)
    mtu = try link.mtu()
    self.transport = transport
    self.device = device
    self.waker = waker
    self.link = link
    self.isNew = isNew
    self.takesTrains = takesTrains
    let end = tap.persistent ? "stays" : "goes"
    logger.notice("\(stage): \(isNew ? "made \(tap.name), which \(end) at the end" : "attached to \(tap.name)")")
    if tap.offload, !takesTrains {
      logger.notice("\(stage): each datagram goes to the kernel alone; those of a flow go as one from Linux 6.2 on")
    }
  }

  private static func setUp(_ device: borrowing TAPDevice, _ tap: TAP, isNew: Bool) throws(StageError) -> TAPLink {
    var link = try TAPLink(device)
    if let mac = tap.mac { try link.setMAC(mac) }
    if let mtu = tap.mtu { try link.setMTU(mtu) }
    if let address = tap.address { try link.addAddress(address) }
    if tap.persistent, isNew { try link.makePersistent() }
    try link.bringUp()
    return link
  }
}
