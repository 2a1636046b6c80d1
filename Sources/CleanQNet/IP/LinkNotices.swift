internal import CleanQ
internal import CleanQPipeline
internal import CleanQWire
internal import Logging

/// What an IP host says in the log of the stations on its link. They cause the lines, so each kind is limited in rate.
///
/// A class, so that the engine that has one can be stored in generic ports: with the limits inside the engine itself, Swift 6.3.1 stops
/// with a failed assertion, "should never be inlining a resilient function into a fragile function". Thread-confined.
final class LinkNotices {
  private var changes: LimitedLog?
  private var conflicts: LimitedLog?

  /// - Parameter logger: nil for no lines.
  init(_ logger: Logger?) {
    changes = logger.map { LimitedLog($0) }
    conflicts = logger.map { LimitedLog($0) }
  }

  /// A neighbour came back with another Ethernet address.
  func change(of address: IPv4Address, from old: MACAddress, to new: MACAddress, at now: MonotonicTime) {
    changes?.log(
      at: now,
      """
      neighbour \(address) changed its Ethernet address from \(old) to \(new); unless it was replaced, two stations use the \
      address or one forges ARP
      """)
  }

  /// Another station uses our address. RFC 5227 § 2.4.
  func conflict(over address: IPv4Address, of own: MACAddress, with other: MACAddress, at now: MonotonicTime) {
    conflicts?.log(
      at: now,
      """
      address conflict: \(address) is ours, at \(own), and \(other) uses it too; give one of the two another address
      """)
  }
}
