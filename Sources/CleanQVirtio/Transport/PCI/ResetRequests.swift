internal import CleanQ
internal import CleanQPipeline
internal import Logging
internal import Synchronization

/// What follows from a device that asks for a reset: the ports begin again, each when its back-off lets it, and the log has a few lines.
///
/// Sendable: called by the thread that watches the device.
final class ResetRequests: Sendable {
  private let name: String
  private let presence: VirtioPresence
  private let log: Mutex<LimitedLog>

  init(_ name: String, _ presence: VirtioPresence, _ logger: Logger) {
    (self.name, self.presence) = (name, presence)
    log = Mutex(LimitedLog(logger))
  }

  /// The configuration has changed.
  ///
  /// - Parameter status: what the device says of itself now.
  /// - Returns: whether the ports have to begin again.
  func look(at status: VirtioStatus) -> Bool {
    // § 2.1.2: the device cannot go on by itself. All ones: it was pulled out.
    guard status.contains(.needsReset), status != VirtioStatus(rawValue: 0xFF) else { return false }
    log.withLock { _ = $0.log(at: .now, "\(name): the device asks for a reset") }
    presence.startOver()
    return true
  }
}
