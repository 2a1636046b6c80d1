internal import CleanQ
internal import CleanQWire

/// Whom an IP host tells what the stations on its link do.
///
/// A class, so that the engine that has one can be stored in generic ports: Swift 6.3.1 stops with a failed assertion otherwise, "should
/// never be inlining a resilient function into a fragile function". Thread-confined.
final class LinkNotices {
  private let onEvent: IPEventHandler?

  /// - Parameter onEvent: nil for nobody.
  init(_ onEvent: IPEventHandler?) { self.onEvent = onEvent }

  func change(of address: IPv4Address, from old: MACAddress, to new: MACAddress, at now: MonotonicTime) {
    onEvent?(.neighborChanged(address, from: old, to: new), now)
  }

  func conflict(over address: IPv4Address, of own: MACAddress, with other: MACAddress, at now: MonotonicTime) {
    onEvent?(.addressConflict(address, own: own, other: other), now)
  }
}
