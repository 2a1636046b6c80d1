internal import CleanQ
internal import CleanQPipeline
internal import Logging
internal import Synchronization

/// What is said of a device while it runs. The device causes the lines, so each kind is limited in rate.
///
/// Sendable.
final class VirtioNetNotices: Sendable {
  private let joins: Mutex<LimitedLog>?
  private let link: Mutex<LimitedLog>?

  /// - Parameter logger: nil for no lines.
  init(_ logger: Logger?) {
    joins = logger.map { Mutex(LimitedLog($0)) }
    link = logger.map { Mutex(LimitedLog($0)) }
  }

  /// The device is there again and cannot be used.
  func cannotJoin(because error: VirtioError) {
    joins?.withLock { _ = $0.log(at: .now, "\(error)\(Self.advice(on: error)); trying again") }
  }

  /// The device says that its link has gone down or come up.
  func linkChanged(of name: String, isUp: Bool) {
    let state =
      isUp
      ? "up again"
      : "down: no frame passes; bring it up where the device is made, in QEMU with \"set_link NAME on\""
    link?.withLock { _ = $0.log(isUp ? .notice : .warning, at: .now, "\(name): the link is \(state)") }
  }

  /// What to do, where the error does not say it.
  private static func advice(on error: VirtioError) -> String {
    switch error.code {
    case .missingFeatures, .featuresRefused, .queues: "; start it again as it was when this pipeline began"
    case .refused: "; its own log says why"
    case .broken: "; reset the device, or start its process again"
    case .gone, .unsupported, .system, .memory: ""
    }
  }
}
