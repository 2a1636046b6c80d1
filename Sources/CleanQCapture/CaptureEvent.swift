/// What happens to a capture file that is open, or is being opened.
public enum CaptureEvent: Sendable, Equatable {
  /// Nobody reads the FIFO yet; the opening waits.
  case waitingForReader(path: String)
  /// The file does not take packets as fast as they come: what is too much is not in it. Said once.
  case fallsBehind(name: String)
  /// Packets that waited were not written when the capture ended.
  case endNotWritten(name: String, count: UInt64)
  /// The file was opened again by its name.
  case reopened(path: String)
  /// That failed: the capture goes on in the old file.
  case notReopened(CaptureError)
  /// The file cannot be written any more.
  case stopped(reason: String)
  /// The file cannot be read to its end; `frameCount` frames came from it.
  case unreadable(reason: String, frameCount: UInt64)
  /// The file has a frame that no buffer holds. Said once.
  case oversize(path: String, byteCount: Int, room: Int)
}

/// Is told of each event, on the thread that drives the port or on that which writes the file; returns soon.
public typealias CaptureEventHandler = @Sendable (CaptureEvent) -> Void
