public import CleanQ
internal import Glibc

/// Why a stage could not be opened. Everything that was open before has been closed again.
public struct StageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The stage, as in a pipeline text: `tap(tap0)`.
  public let stage: String
  /// What was wrong, with what, and what to do.
  public let message: String
  /// The operating system's error number, or 0.
  public let errno: Int32

  public init(_ stage: String, _ message: String, errno: Int32 = 0) {
    self.stage = stage
    self.message = message
    self.errno = errno
  }

  /// A queue's refusal to do what the stage needs.
  public init(_ stage: String, _ error: QueueError) { self.init(stage, error.description) }

  /// The start was abandoned, ``PipelineContext/cancelFile``, before the stage was open.
  public static func cancelled(_ stage: String) -> StageError {
    StageError(stage, "the start was cancelled", errno: ECANCELED)
  }

  public var description: String { "\(stage): \(message)" }
}
