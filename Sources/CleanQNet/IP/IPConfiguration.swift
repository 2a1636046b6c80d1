public import CleanQWire

/// The addresses of an interface, checked.
public struct IPConfiguration: Equatable, Sendable {
  /// The interface's address and how many bits of it name its network.
  public let prefix: IPv4Prefix
  /// The interface's Ethernet address; nil for that of the port below, or ``defaultMAC`` where it has none.
  public let mac: MACAddress?
  /// The router for addresses outside the prefix.
  public let gateway: IPv4Address?

  /// Reads and checks the three texts.
  ///
  /// - Throws: what is wrong, with which of `address`, `mac` and `gateway`.
  public init(address: String, mac: String? = nil, gateway: String? = nil) throws(IPConfigurationError) {
    if let problem = Self.addressProblem(address) { throw IPConfigurationError("address", problem) }
    if let mac, let problem = Self.macProblem(mac) { throw IPConfigurationError("mac", problem) }
    guard let prefix = try? IPv4Prefix(address) else { throw IPConfigurationError("address", "cannot be read") }
    var router: IPv4Address?
    if let gateway {
      if let problem = Self.gatewayProblem(gateway, prefix: prefix) { throw IPConfigurationError("gateway", problem) }
      router = IPv4Address(gateway)
    }
    self.prefix = prefix
    self.mac = mac.flatMap { MACAddress($0) }
    self.gateway = router
  }

  /// A locally administered address that follows from the IP address: 02:00 and its four bytes.
  public var defaultMAC: MACAddress { MACAddress(rawValue: 0x0200_0000_0000 | UInt64(prefix.address.rawValue)) }

  /// What is wrong with the text of an interface's address; nil where nothing is.
  package static func addressProblem(_ text: String) -> String? {
    let prefix: IPv4Prefix
    do { prefix = try IPv4Prefix(text) } catch { return "\(error)" }
    return hostProblem(prefix.address, in: prefix)
  }

  /// What is wrong with the text of an Ethernet address; nil where nothing is.
  package static func macProblem(_ text: String) -> String? {
    guard let mac = MACAddress(text) else { return "write six pairs of hexadecimal digits, as in 02:00:0a:00:00:02" }
    if mac.isMulticast { return "it is a group address; a station's has an even first pair, as in 02:00:0a:00:00:02" }
    return mac.isUnicast ? nil : "no station has the address of all zeros; write another, as in 02:00:0a:00:00:02"
  }

  /// What is wrong with the text of a router's address; nil where nothing is.
  static func gatewayProblem(_ text: String, prefix: IPv4Prefix) -> String? {
    guard let gateway = IPv4Address(text) else {
      return "write four numbers from 0 to 255 with dots between them, as in 10.0.0.1"
    }
    // The host of a /32 has no network: its router is on the link all the same, and is asked for directly.
    guard prefix.length == 32 || prefix.contains(gateway) else {
      return "it is outside \(prefix.network)/\(prefix.length), so it cannot be reached; write an address inside"
    }
    if gateway == prefix.address { return "it is the interface's own address; write the router's" }
    return hostProblem(gateway, in: prefix)
  }

  /// Why an address cannot be a host's in a network; nil where it can.
  private static func hostProblem(_ address: IPv4Address, in prefix: IPv4Prefix) -> String? {
    if address.isUnspecified { return "0.0.0.0 is no host's address" }
    if address.rawValue >> 24 == 0 { return "0.0.0.0/8 means this network; no host has such an address" }
    if address.isLoopback { return "127.0.0.0/8 is for loopback and must not appear on a link" }
    if address.isMulticast { return "224.0.0.0/4 is for multicast groups; write a host's address" }
    if address.isLimitedBroadcast { return "255.255.255.255 is the broadcast address; write a host's address" }
    if address.isClassE { return "240.0.0.0/4 is reserved; write a host's address" }
    // RFC 3021 § 2.1: both addresses of a /31 are hosts'.
    guard let broadcast = prefix.directedBroadcast else { return nil }
    if address == broadcast { return "it is the broadcast address of /\(prefix.length); write a host's address" }
    return address == prefix.network ? "it is the address of the network /\(prefix.length) itself; write a host's" : nil
  }
}
