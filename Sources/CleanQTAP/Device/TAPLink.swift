internal import CleanQ
internal import CleanQPipeline
internal import CleanQWire
internal import Glibc

/// Settings of the kernel's side of a TAP device. What was changed is changed back, and the device is down again, unless
/// ``keep()`` is called.
///
/// Nothing is set that is so already: then no permission is needed either.
struct TAPLink: ~Copyable, Sendable {
  /// What undoes a setting.
  enum Undo: Sendable {
    case mac(MACAddress)
    case mtu(Int32)
    case address(IPv4Address, mask: IPv4Address)
    case persistence
    case up
  }

  let name: String
  /// The device's file, which stays the device's.
  let device: Int32
  /// Any socket: where the kernel takes requests about devices.
  let socket: Int32
  var undos: [Undo] = []

  init(_ device: borrowing TAPDevice) throws(StageError) {
    name = device.name
    self.device = device.file
    socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let number = errno
    if socket < 0 { throw failure("cannot open a socket for its settings", number) }
  }

  deinit {
    for undo in undos.reversed() { perform(undo) }
    if socket >= 0 { close(socket) }
  }

  /// Ends the editing; everything stays as it was set.
  consuming func keep() { undos.removeAll() }

  mutating func setMAC(_ mac: MACAddress) throws(StageError) {
    if let problem = TAP.complaint(about: mac) { throw StageError("tap(\(name))", problem) }
    let old = try get(SIOCGIFHWADDR, "cannot read its Ethernet address").hardwareAddress
    guard old != mac else { return }
    var request = InterfaceRequest(name: name)
    request.hardwareAddress = mac
    try set(&request, SIOCSIFHWADDR, "cannot set its Ethernet address to \(mac)")
    undos.append(.mac(old))
  }

  mutating func setMTU(_ mtu: Int) throws(StageError) {
    guard TAP.mtuRange.contains(mtu) else {
      let range = "\(TAP.mtuRange.lowerBound) to \(TAP.mtuRange.upperBound)"
      throw StageError("tap(\(name))", "the mtu cannot be \(mtu); choose one from \(range)")
    }
    let old = try get(SIOCGIFMTU, "cannot read its mtu").mtu
    guard old != Int32(mtu) else { return }
    var request = InterfaceRequest(name: name)
    request.mtu = Int32(mtu)
    try set(&request, SIOCSIFMTU, "cannot set its mtu to \(mtu)")
    undos.append(.mtu(old))
  }

  /// The longest packet of the link as it is now.
  func mtu() throws(StageError) -> Int { Int(try get(SIOCGIFMTU, "cannot read its mtu").mtu) }

  mutating func makePersistent() throws(StageError) {
    if let number = TAPDevice.setPersistent(true, file: device) { throw failure("cannot make it persistent", number) }
    undos.append(.persistence)
  }

  /// Lets frames pass. The last step: from here on the kernel sends.
  mutating func bringUp() throws(StageError) {
    var request = try get(SIOCGIFFLAGS, "cannot read its flags")
    guard request.flags & Int16(IFF_UP) == 0 else { return }
    request.flags |= Int16(IFF_UP)
    try set(&request, SIOCSIFFLAGS, "cannot bring it up")
    undos.append(.up)
  }

  private func perform(_ undo: Undo) {
    var request = InterfaceRequest(name: name)
    // What the kernel allowed a moment ago it allows again; if not, there is nobody to tell but the failure under way.
    switch undo {
    case .mac(let mac):
      request.hardwareAddress = mac
      _ = request.perform(UInt(SIOCSIFHWADDR), on: socket)
    case .mtu(let mtu):
      request.mtu = mtu
      _ = request.perform(UInt(SIOCSIFMTU), on: socket)
    case .address(let address, let mask): restore(address, mask: mask)
    case .persistence: _ = TAPDevice.setPersistent(false, file: device)
    case .up:
      guard request.perform(UInt(SIOCGIFFLAGS), on: socket) == nil else { return }
      request.flags &= ~Int16(IFF_UP)
      _ = request.perform(UInt(SIOCSIFFLAGS), on: socket)
    }
  }
}

extension TAPLink {
  func get(_ number: Int32, _ problem: String) throws(StageError) -> InterfaceRequest {
    var request = InterfaceRequest(name: name)
    if let number = request.perform(UInt(number), on: socket) { throw failure(problem, number) }
    return request
  }

  func set(_ request: inout InterfaceRequest, _ number: Int32, _ problem: String) throws(StageError) {
    if let number = request.perform(UInt(number), on: socket) { throw failure(problem, number) }
  }

  func failure(_ problem: String, _ number: Int32) -> StageError {
    let reason =
      number == EPERM || number == EACCES
      ? "no permission; run as root or with CAP_NET_ADMIN, or let root set it up with \"ip link set \(name) …\""
      : systemErrorText(number)
    return StageError("tap(\(name))", "\(problem): \(reason)", errno: number)
  }
}
