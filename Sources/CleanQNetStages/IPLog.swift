internal import CleanQ
internal import CleanQNet
internal import CleanQPipeline
internal import Logging

/// What the stage `ip` says in the log of the stations on its link. Sendable.
struct IPLog: Sendable {
  private let log: EventLog

  init(_ logger: Logger) { log = EventLog(logger, stage: nil) }

  func write(_ event: IPEvent, at now: MonotonicTime) {
    switch event {
    case .neighborChanged(let address, let old, let new):
      log.write(
        .warning, limitedAs: "change", at: now,
        """
        neighbour \(address) changed its Ethernet address from \(old) to \(new); unless it was replaced, two stations use the \
        address or one forges ARP
        """)
    case .addressConflict(let address, let own, let other):
      log.write(
        .warning, limitedAs: "conflict", at: now,
        """
        address conflict: \(address) is ours, at \(own), and \(other) uses it too; give one of the two another address
        """)
    }
  }
}
