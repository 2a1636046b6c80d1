internal import CleanQ
internal import CleanQPipeline
internal import CleanQWire
internal import Logging

/// What an IP host says in the log of the stations on its link. They cause the lines, so each kind is limited in rate.
struct LinkNotices {
  private var changes: LimitedLog?
  private var conflicts: LimitedLog?

  /// - Parameter logger: nil for no lines.
  init(_ logger: Logger?) {
    changes = logger.map { LimitedLog($0) }
    conflicts = logger.map { LimitedLog($0) }
  }

  /// A neighbour came back with another Ethernet address.
  mutating func change(of address: IPv4Address, from old: MACAddress, to new: MACAddress, at now: MonotonicTime) {
    changes?.log(
      at: now,
      """
      neighbour \(address) changed its Ethernet address from \(old) to \(new); unless it was replaced, two stations use the \
      address or one forges ARP
      """)
  }

  /// Another station uses our address. RFC 5227 § 2.4.
  mutating func conflict(over address: IPv4Address, of own: MACAddress, with other: MACAddress, at now: MonotonicTime) {
    conflicts?.log(
      at: now,
      """
      address conflict: \(address) is ours, at \(own), and \(other) uses it too; give one of the two another address
      """)
  }
}
