internal import CleanQ
internal import CleanQPlatform
internal import CleanQWire
internal import Glibc

/// Settings of the kernel's side of a TAP device. What was changed is changed back when the value goes, and the device is down again,
/// unless ``keep()`` is called. What somebody else has changed in the meantime stays as it is.
///
/// Nothing is set that is so already: then no permission is needed either. A process that is killed changes nothing back.
struct TAPLink: ~Copyable, Sendable {
  /// What undoes a setting.
  enum Undo: Sendable {
    case mac(MACAddress, was: MACAddress)
    case mtu(Int32, was: Int32)
    case address(InterfaceAddress)
    case persistence
    case up
  }

  let name: String
  /// The kernel's number for the device, which no other device gets.
  let index: UInt32
  /// The device's file, which stays the device's.
  let device: Int32
  /// Any socket: where the kernel takes requests about devices.
  let requests: OwnedFile
  var undos: [Undo] = []

  init(_ device: borrowing TAPDevice) throws(TAPError) {
    name = device.name
    index = device.index
    self.device = device.file
    guard let requests = OwnedFile.deviceRequests() else {
      throw Self.failure(name, "cannot open a socket for its settings", errno)
    }
    self.requests = requests
  }

  deinit {
    // The device may have another name by now, and another device this one's.
    if !undos.isEmpty, let name = Self.name(of: index) {
      for undo in undos.reversed() { perform(undo, on: name) }
    }
  }

  /// Ends the editing; everything stays as it was set.
  consuming func keep() { undos.removeAll() }

  mutating func setMAC(_ mac: MACAddress) throws(TAPError) {
    if let problem = TAPConfiguration.diagnostic(about: mac) { throw TAPError(.configuration, name, problem) }
    let old = try get(SIOCGIFHWADDR, "cannot read its Ethernet address").macAddress
    guard old != mac else { return }
    var request = InterfaceRequest(name: name)
    request.macAddress = mac
    try set(
      &request, SIOCSIFHWADDR, "cannot set its Ethernet address to \(mac)", command: "link set \(name) address \(mac)")
    undos.append(.mac(mac, was: old))
  }

  mutating func setMTU(_ mtu: Int) throws(TAPError) {
    guard TAPConfiguration.mtuRange.contains(mtu) else {
      let range = "\(TAPConfiguration.mtuRange.lowerBound) to \(TAPConfiguration.mtuRange.upperBound)"
      throw TAPError(.configuration, name, "the mtu cannot be \(mtu); choose one from \(range)")
    }
    let old = try get(SIOCGIFMTU, "cannot read its mtu").mtu
    guard old != Int32(mtu) else { return }
    var request = InterfaceRequest(name: name)
    request.mtu = Int32(mtu)
    try set(&request, SIOCSIFMTU, "cannot set its mtu to \(mtu)", command: "link set \(name) mtu \(mtu)")
    undos.append(.mtu(Int32(mtu), was: old))
  }

  /// The longest packet of the link as it is now.
  func mtu() throws(TAPError) -> Int { Int(try get(SIOCGIFMTU, "cannot read its mtu").mtu) }

  mutating func makePersistent() throws(TAPError) {
    if let number = TAPDevice.setPersistent(true, file: device) {
      throw failure("cannot make it persistent", number)
    }
    undos.append(.persistence)
  }

  /// Lets frames pass. The last step: from here on the kernel sends.
  mutating func bringUp() throws(TAPError) {
    var request = try get(SIOCGIFFLAGS, "cannot read its flags")
    guard request.flags & Int16(IFF_UP) == 0 else { return }
    request.flags |= Int16(IFF_UP)
    try set(&request, SIOCSIFFLAGS, "cannot bring it up", command: "link set \(name) up")
    undos.append(.up)
  }

  /// What the device with a number is called now; nil where this network namespace has none.
  private static func name(of index: UInt32) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
    // SAFETY: the kernel writes at most IF_NAMESIZE bytes, the zero at the end among them.
    guard unsafe if_indextoname(index, &bytes) != nil else { return nil }
    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// - Parameter name: the device's name as it is now.
  private func perform(_ undo: Undo, on name: String) {
    var request = InterfaceRequest(name: name)
    // What the kernel allowed a moment ago it allows again; if not, there is nobody to tell but the failure under way.
    switch undo {
    case .mac(let own, was: let old):
      guard request.perform(UInt(SIOCGIFHWADDR), on: requests.number) == nil, request.macAddress == own else { return }
      request.macAddress = old
      _ = request.perform(UInt(SIOCSIFHWADDR), on: requests.number)
    case .mtu(let own, was: let old):
      guard request.perform(UInt(SIOCGIFMTU), on: requests.number) == nil, request.mtu == own else { return }
      request.mtu = old
      _ = request.perform(UInt(SIOCSIFMTU), on: requests.number)
    case .address(let address):
      if var netlink = NetlinkSocket() { _ = address.remove(by: &netlink) }
    case .persistence: _ = TAPDevice.setPersistent(false, file: device)
    case .up:
      guard request.perform(UInt(SIOCGIFFLAGS), on: requests.number) == nil else { return }
      request.flags &= ~Int16(IFF_UP)
      _ = request.perform(UInt(SIOCSIFFLAGS), on: requests.number)
    }
  }
}

extension TAPLink {
  func get(_ number: Int32, _ problem: String) throws(TAPError) -> InterfaceRequest {
    var request = InterfaceRequest(name: name)
    if let number = request.perform(UInt(number), on: requests.number) { throw failure(problem, number) }
    return request
  }

  /// - Parameter command: what root types for the same, after `ip`.
  func set(
    _ request: inout InterfaceRequest, _ number: Int32, _ problem: String, command: String
  ) throws(TAPError) {
    if let number = request.perform(UInt(number), on: requests.number) {
      throw failure(problem, number, command: command)
    }
  }

  /// - Parameter command: what root types for the same, after `ip`; nil where there is nothing to type.
  func failure(_ problem: String, _ number: Int32, command: String? = nil) -> TAPError {
    Self.failure(name, problem, number, command: command)
  }

  private static func failure(_ name: String, _ problem: String, _ number: Int32, command: String? = nil) -> TAPError {
    let alternative = command.map { ", or let root do it before with \"ip \($0)\"" } ?? ""
    let reason =
      number == EPERM || number == EACCES
      ? "no permission; run as root or with CAP_NET_ADMIN\(alternative)" : systemErrorText(number)
    return TAPError(.system, name, "\(problem): \(reason)", errno: number)
  }
}

extension InterfaceRequest {
  /// The value as an Ethernet address.
  var macAddress: MACAddress {
    get { MACAddress(rawValue: hardwareAddress) }
    set { hardwareAddress = newValue.rawValue }
  }
}
