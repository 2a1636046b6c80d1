internal import CleanQPlatform
internal import CleanQWire
internal import Glibc

extension TAPLink {
  /// Gives the kernel's side an IPv4 address beside those that it has; one that is there already stays when the rest is undone.
  ///
  /// Source: rtnetlink(7), `RTM_NEWADDR`.
  mutating func addAddress(_ prefix: IPv4Prefix) throws(TAPError) {
    if let problem = TAPConfiguration.diagnostic(about: prefix) { throw TAPError(.configuration, name, problem) }
    let problem = "cannot give it the address \(prefix)"
    guard var netlink = NetlinkSocket() else { throw failure(problem, errno) }
    let address = InterfaceAddress(index: index, address: prefix.address.rawValue, prefixLength: prefix.length)
    if let number = address.add(by: &netlink) {
      if number == EEXIST { return }
      throw failure(problem, number, command: "address add \(prefix) dev \(name)")
    }
    undos.append(.address(address))
  }
}
