import CleanQNet
import CleanQNetStages
import CleanQPipeline
import CleanQPlatform
import CleanQTAPStages
import CleanQWire

/// What two ends of a link say of each other that cannot work, though each is right by itself: a TAP device's address for the kernel's
/// side, and that of an IP host on it.
struct AddressAdvice {
  private let tap: TAP?
  private let host: IPConfiguration?

  init(_ pipeline: CheckedPipeline) {
    let taps = pipeline.allStages.compactMap { $0.description as? TAP }
    tap = taps.count == 1 ? taps.first : nil
    host = pipeline.allStages.compactMap { $0.description as? IP }.first.flatMap {
      try? IPConfiguration(address: $0.address, mac: $0.mac, gateway: $0.gateway)
    }
  }

  /// One line for each thing that will not work; nothing is opened for it.
  var warnings: [String] {
    guard let tap, let kernel = tap.address else { return [] }
    return Self.warnings(about: kernel, of: tap.name) + (host.map { Self.warnings(kernel, $0) } ?? [])
  }

  /// The address of the kernel's side by itself.
  private static func warnings(about kernel: IPv4Prefix, of name: String) -> [String] {
    guard let broadcast = kernel.directedBroadcast else { return [] }
    let what =
      kernel.address == broadcast
      ? "the broadcast address" : kernel.address == kernel.network ? "the network's address" : nil
    return what.map {
      ["tap(\(name)): \(kernel.address) is \($0) of /\(kernel.length); give the kernel's side a host's address"]
    } ?? []
  }

  /// The two ends together.
  private static func warnings(_ kernel: IPv4Prefix, _ host: IPConfiguration) -> [String] {
    let own = host.prefix
    if kernel.address == own.address {
      return [
        "tap and ip have the same address, \(own.address): neither can reach the other; choose another for one of them"
      ]
    }
    var warnings: [String] = []
    if !kernel.contains(own.address) {
      warnings.append(
        "the kernel's side, \(kernel), does not reach \(own.address) on this link; choose addresses of one network, or add a route"
      )
    }
    if !own.contains(kernel.address), host.gateway == nil {
      warnings.append(
        "ip(\(own)) does not reach the kernel's side, \(kernel.address); choose addresses of one network, or give ip a gateway"
      )
    }
    return warnings
  }

  /// What to type so that the machine reaches the host on the TAP device, which is open by now; nil where it does already, or where a
  /// bridge has the device.
  var hint: String? {
    guard let tap, tap.address == nil, let prefix = host?.prefix,
      let link = NetworkLink.all().first(where: { $0.name == tap.name }), link.master == 0,
      var socket = NetlinkSocket(), let example = Self.neighbour(of: prefix)
    else { return nil }
    let addresses = InterfaceAddress.all(of: link.index, by: &socket)
      .compactMap { IPv4Prefix(address: IPv4Address(rawValue: $0.address), length: $0.prefixLength) }
    if addresses.contains(where: { $0.contains(prefix.address) }) { return nil }
    return
      "the kernel's side has no address in \(prefix.network)/\(prefix.length) yet; to reach \(prefix.address) from "
      + "this machine: ip address add \(example)/\(prefix.length) dev \(tap.name)"
  }

  /// The first address of a network that a host can have beside this one; nil where there is none.
  private static func neighbour(of prefix: IPv4Prefix) -> IPv4Address? {
    guard prefix.length < 32 else { return nil }
    let first = prefix.network.rawValue &+ (prefix.length == 31 ? 0 : 1)
    return IPv4Address(rawValue: first == prefix.address.rawValue ? first &+ 1 : first)
  }
}
