/// The rules of the contract, one name each. A violation carries the rule that it breaks.
public enum Rule: String, CaseIterable, Hashable, Sendable {
  /// The factory makes a queue, and the queue takes a first buffer.
  case setUp
  /// I1: nothing is lost, nothing invented.
  case conservation
  /// I2: a buffer has one owner; none is delivered twice, and none that this side owns.
  case exclusion
  /// I3: first in, first out.
  case order
  /// I4: full at its capacity and not before, in every lap; empty when all is taken.
  case capacity
  /// Lengths, valid part, marks and bytes arrive as they were sent.
  case integrity
  /// What is refused comes back unchanged, with the reason.
  case handBack
  /// Register: known once, usable when the call returns, nothing changed on failure.
  case register
  /// Deregister: only with every byte back; else says how many bytes are elsewhere, and changes nothing.
  case deregister
  /// Only the side that registered a region deregisters it.
  case owner
  /// Buffers of regions that are not registered are refused.
  case regions
  /// A retired id never names the region that took its slot.
  case generation
  /// The smallest and the largest buffers, at the first and the last byte of a region.
  case bounds
  /// A buffer may be cut in two and joined again, on either side of a passage.
  case splitMerge
  /// A run is enqueued whole or not at all, and dequeued in order.
  case runs
  /// A burst of n does what n single operations do.
  case bursts
  /// registered = owned + in flight + at the peer, at every step, in bytes and in buffers.
  case accounts
  /// What was enqueued before notify is looked at in bounded time, also by a side that was asleep.
  case notify
  /// The other side goes: refused as closed, what it had handed over is delivered, nothing is lost.
  case peerGone
  /// At the end every byte is accounted for and comes home.
  case destroy
  /// A forged, stale or duplicate descriptor yields no buffer, is counted, and costs nothing else.
  case hostilePeer
}

/// What the suite can say of a rule.
public enum Outcome: Hashable, Sendable {
  /// Held in this number of checks.
  case passed(checkCount: Int)
  /// Broken; see the violations.
  case failed
  /// Cannot be asked of this kind of queue.
  case notApplicable(String)
}

/// One breach of the contract.
public struct Violation: Hashable, Sendable, CustomStringConvertible {
  public let rule: Rule
  /// Which queue or side of a pair.
  public let subject: String
  /// What the suite was doing.
  public let procedure: String
  /// What was expected and what was found.
  public let message: String
  /// How many operations the procedure had done.
  public let step: Int
  /// Replays the procedure: ``Traits/seeds``.
  public let seed: UInt64
  /// The last operations, oldest first.
  public let lastOperations: [String]

  public var description: String {
    let history = lastOperations.map { "\n    \($0)" }.joined()
    return "\(subject): \(rule.rawValue): \(message)\n  in \(procedure), step \(step), seed \(seed):\(history)"
  }
}
