internal import CleanQCapture
internal import CleanQPipeline
internal import Logging

/// What the stage `pcap` says in the log of its file. Sendable.
struct CaptureLog: Sendable {
  private let log: EventLog

  init(_ logger: Logger) { log = EventLog(logger, stage: nil) }

  func write(_ event: CaptureEvent) {
    switch event {
    case .waitingForReader(let path): log.write("waiting for a reader of the FIFO \(path)")
    case .fallsBehind(let name):
      log.write(
        "\(name) is too slow for the capture: missing packets are counted as not-written, traffic continues",
        .warning)
    case .endNotWritten(let name, let count):
      log.write(
        "\(name) was too slow for the end of the capture: \(count) packets are counted as not-written",
        .warning)
    case .reopened(let path): log.write("reopened \(path)")
    case .notReopened(let error):
      log.write("cannot reopen the capture, which continues in the old file: \(StageError(error))", .error)
    case .stopped(let reason): log.write("\(reason); nothing more is captured", .error)
    case .unreadable(let reason, let count): log.write("\(reason); it ends after \(count) frames", .error)
    case .oversize(let path, let byteCount, let room):
      log.write(
        """
        \(path) has a frame of \(byteCount) bytes, and buffers hold \(room): it and others like it are dropped (oversize); \
        editcap -s \(room) IN OUT cuts them
        """, .warning)
    }
  }
}

extension StageError {
  /// The error as that of the stage `pcap` on the file.
  init(_ error: CaptureError) { self.init("pcap(\(error.path))", error.message, errno: error.errno) }
}
