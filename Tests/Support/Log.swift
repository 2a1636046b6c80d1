public import Logging
internal import Synchronization

/// What a logger was told.
public final class Log: Sendable {
  private let state = Mutex<[String]>([])

  public init() {}

  /// The level and the text of each message.
  public var lines: [String] { state.withLock { $0 } }

  public var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

  private struct Handler: LogHandler {
    let log: Log
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { log.state.withLock { $0.append("\(event.level) \(event.message)") } }
  }
}
