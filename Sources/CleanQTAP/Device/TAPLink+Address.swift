internal import CleanQPipeline
internal import CleanQWire
internal import Glibc

extension TAPLink {
  /// Gives the kernel's side its first IPv4 address, in place of the one it has.
  ///
  /// Source: netdevice(7), `SIOCSIFADDR`, `SIOCSIFNETMASK`.
  mutating func setAddress(_ prefix: IPv4Prefix) throws(StageError) {
    if let problem = TAP.complaint(about: prefix) { throw StageError("tap(\(name))", problem) }
    let old = ask(SIOCGIFADDR)?.address ?? .unspecified
    let oldMask = ask(SIOCGIFNETMASK)?.address ?? .unspecified
    guard old != prefix.address || oldMask != prefix.netmask else { return }
    var request = InterfaceRequest(name: name)
    request.address = prefix.address
    try set(&request, SIOCSIFADDR, "cannot set its address to \(prefix)")
    undos.append(.address(old, mask: oldMask))
    request = InterfaceRequest(name: name)
    request.address = prefix.netmask
    try set(&request, SIOCSIFNETMASK, "cannot set the netmask of \(prefix)")
  }

  /// Sets an earlier address again; 0.0.0.0, for none, removes the present one.
  func restore(_ address: IPv4Address, mask: IPv4Address) {
    var request = InterfaceRequest(name: name)
    request.address = address
    _ = request.perform(UInt(SIOCSIFADDR), on: socket)
    guard !address.isUnspecified else { return }
    request = InterfaceRequest(name: name)
    request.address = mask
    _ = request.perform(UInt(SIOCSIFNETMASK), on: socket)
  }

  /// A question that a device without an address answers with an error.
  private func ask(_ number: Int32) -> InterfaceRequest? {
    var request = InterfaceRequest(name: name)
    return request.perform(UInt(number), on: socket) == nil ? request : nil
  }
}
