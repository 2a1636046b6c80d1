/// Bytes were where they must not be, or a call did what its contract forbids.
public struct OwnershipViolation: Error, Sendable, CustomStringConvertible {
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// A buffer was handed down that is below already: it was enqueued twice.
    case duplicateDown
    /// A buffer came up that was not below: completed or dequeued twice, stale, or never handed down.
    case duplicateUp
    /// A buffer was handed down of which some bytes are below already.
    case overlapDown
    /// A buffer came up of which some bytes were not below: longer than what was handed down.
    case overlapUp
    /// A buffer of a region that is not registered came up, or was handed down and taken.
    case unknownRegion
    /// A buffer is not inside its region, or its valid part not inside the buffer.
    case outOfBounds
    /// What was not taken came back changed, or in another order.
    case handBackChanged
    /// Something was not taken and no reason given.
    case handBackUnexplained
    /// A run was taken in part.
    case tornRun
    /// A call that only appends to a burst changed what was in it.
    case burstDisturbed
    /// A region was deregistered while bytes of it were below.
    case earlyDeregister
    /// Bytes that were handed down are not below any more, and did not come up.
    case lost
    /// The stage below says that it holds bytes that were not handed down.
    case surplus
  }

  /// What happened.
  public let kind: Kind
  /// Where: in which call.
  public let call: OwnershipCall
  /// Where: the stage below the one that checks.
  public let stageBelow: String
  /// The buffer, or nil where the violation is not of one buffer.
  public let buffer: Descriptor?
  /// How many bytes were on the wrong side, lost, or too many; 0 where that is not the point.
  public let byteCount: Int
  /// When.
  public let time: MonotonicTime
  /// When: the number of buffers that had passed the ledger.
  public let operation: UInt64
  /// What happened to the buffer's bytes before, oldest first; ``OwnershipEvent`` keeps a bounded number.
  public let history: [OwnershipEvent]
  /// Further ones are only counted.
  public let isLastReported: Bool

  public var description: String {
    var text = "\(kind.name): \(explanation)"
    if let buffer {
      text += "; buffer \(buffer.offset)+\(buffer.byteCount) of \(buffer.region)"
      text += ", valid \(buffer.validOffset)+\(buffer.validByteCount)"
    }
    text += "; in \(call) of \(stageBelow) at \(time.nanoseconds) ns, operation \(operation)"
    if buffer != nil {
      let events = history.isEmpty ? "none" : history.map(\.description).joined(separator: ", ")
      text += "; last events: \(events)"
    }
    return isLastReported ? text + "; further violations are counted and not shown" : text
  }

  private var explanation: String {
    switch kind {
    case .duplicateDown: "a buffer was handed down that is below already"
    case .duplicateUp: history.isEmpty ? "a buffer came up that was never handed down" : "a buffer came up twice"
    case .overlapDown: "\(byteCount) bytes of a buffer that was handed down are below already"
    case .overlapUp: "\(byteCount) bytes of a buffer that came up were not below"
    case .unknownRegion: "a buffer of a region that is not registered passed"
    case .outOfBounds: "a buffer is not inside its region, or its valid part not inside the buffer"
    case .handBackChanged: "what was not taken came back changed, or in another order"
    case .handBackUnexplained: "\(byteCount) bytes were not taken, and no reason given"
    case .tornRun: "a run of buffers was taken in part"
    case .burstDisturbed: "the buffers that were in the burst before are not in front of it any more"
    case .earlyDeregister: "a region was deregistered while \(byteCount) bytes of it were below"
    case .lost: "\(byteCount) bytes were handed down and are nowhere"
    case .surplus: "\(byteCount) bytes are said to be below that were not handed down"
    }
  }
}

extension OwnershipViolation.Kind {
  /// The name of its counter.
  public var name: String {
    switch self {
    case .duplicateDown: "duplicate-down"
    case .duplicateUp: "duplicate-up"
    case .overlapDown: "overlap-down"
    case .overlapUp: "overlap-up"
    case .unknownRegion: "unknown-region"
    case .outOfBounds: "out-of-bounds"
    case .handBackChanged: "hand-back-changed"
    case .handBackUnexplained: "hand-back-unexplained"
    case .tornRun: "torn-run"
    case .burstDisturbed: "burst-disturbed"
    case .earlyDeregister: "early-deregister"
    case .lost: "lost"
    case .surplus: "surplus"
    }
  }
}
