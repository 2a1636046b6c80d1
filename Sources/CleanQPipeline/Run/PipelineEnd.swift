/// Why a pipeline ended.
public enum PipelineEnd: Sendable, Equatable {
  /// It runs: the report is one of a moment.
  case running
  /// The program asked for it.
  case stopped
  /// A signal came, of this name.
  case signal(String)
  /// A stage had done all that it was there for: the source is at its end, the capture is complete.
  case completed(stage: String, reason: String)
  /// A stage could not do its part any more.
  case failed(stage: String)

  /// A word for programs, in kebab-case.
  public var name: String {
    switch self {
    case .running: "running"
    case .stopped: "stopped"
    case .signal: "signal"
    case .completed: "completed"
    case .failed: "stage-failed"
    }
  }
}

extension PipelineEnd: CustomStringConvertible {
  /// For people, after "the pipeline".
  public var description: String {
    switch self {
    case .running: "is running"
    case .stopped: "was stopped"
    case .signal(let name): "ended by \(name)"
    case .completed(let stage, let reason): "ended by \(stage): \(reason)"
    case .failed(let stage): "ended since \(stage) failed"
    }
  }
}
