internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// A device that is open, set up and up, and what belongs to it.
struct OpenTAP: ~Copyable {
  // The ring goes before the device: it holds on to the device's file.
  let transport: Transport
  let device: TAPDevice
  let waker: WakeSet
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
  /// - Throws: what was wrong and what to do; everything made or changed before is undone.
  init(_ tap: TAPConfiguration, _ onEvent: TAPEventHandler) throws(TAPError) {
    if let problem = TAPName.diagnostic(about: tap.name) { throw TAPError(.configuration, tap.name, problem) }
    let device = try TAPDevice(name: tap.name)
    // The ring is tried out before there is a device, so that the trial cannot take a frame.
    let transport = try Transport(tap.io, file: device.file, of: tap.name, onEvent)
    guard let waker = WakeSet() else {
      throw TAPError(.system, tap.name, "no file to wait with: \(systemErrorText(errno))", errno: errno)
    }
    let before = device.index
    if before == 0, !tap.create { throw TAPDevice.missing(tap.name) }
    let takesTrains = try device.attach(offload: tap.offload)
    // One that went in between was made again, and is gone with the file.
    if device.index != before, !tap.create { throw TAPDevice.missing(tap.name) }
    let isNew = device.index != before
    let link = try Self.setUp(device, tap, isNew: isNew)
    mtu = try link.mtu()
    self.transport = transport
    self.device = device
    self.waker = waker
    self.link = link
    self.isNew = isNew
    self.takesTrains = takesTrains
    onEvent(.opened(isNew: isNew))
    if tap.offload, !takesTrains { onEvent(.withoutSegmentation) }
  }

  private static func setUp(_ device: borrowing TAPDevice, _ tap: TAPConfiguration, isNew: Bool) throws(TAPError)
    -> TAPLink
  {
    var link = try TAPLink(device)
    if let mac = tap.mac { try link.setMAC(mac) }
    if let mtu = tap.mtu { try link.setMTU(mtu) }
    if let address = tap.address { try link.addAddress(address) }
    if tap.persistent, isNew { try link.makePersistent() }
    try link.bringUp()
    return link
  }
}
