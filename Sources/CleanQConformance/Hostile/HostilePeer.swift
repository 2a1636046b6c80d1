public import CleanQ

/// What a hostile other side does to a queue that must not trust it.
public enum HostileAct: String, CaseIterable, Sendable {
  /// Hands back once more what it handed back last.
  case handBackTwice
  /// Names a buffer of which the queue has never heard: an id beyond its table.
  case nameNothing
  /// Names a buffer that exists and was not lent to it.
  case nameUnlent
  /// Says that it wrote more than the buffer holds.
  case overstateLength
  /// Moves its index far beyond what it was given.
  case jump
  /// Says as many untrue things as it can at once.
  case flood
  /// Overwrites one of the shared words.
  case scribble
}

/// What came of an act.
public enum HostileOutcome: Sendable {
  /// It cannot be done to this queue, or not now.
  case impossible
  /// It was done, and need not be noticed: an honest side could have done the same, or nobody looks there.
  case done
  /// It was done, and the queue must have noticed when it has looked.
  case noticeable
}

/// The other side of a queue that does not trust it: works for a while, gives invalid answers, and disappears.
///
/// It has the same power as the real one, and no more: it may write to everything that is shared, at any time, and to
/// nothing else.
public protocol HostilePeer<Subject>: ~Copyable {
  associatedtype Subject: Queue & ~Copyable

  /// Whether buffers that the peer had come out of `dequeue` after it has vanished. Else the queue keeps them for the
  /// next peer, and its accounts say so.
  static var returnsWhenVanished: Bool { get }

  /// Honestly takes and hands back up to `count` buffers.
  mutating func work(_ count: Int, for subject: inout Subject)

  /// Does one thing that it should not.
  ///
  /// - Parameter choice: a random number, for acts with several ways.
  mutating func act(_ act: HostileAct, choice: UInt64, on subject: inout Subject) -> HostileOutcome

  /// Changes shared words for as long as `body` runs, again and again, so that what is read twice differs.
  mutating func interfere(with subject: inout Subject, seed: UInt64, during body: (inout Subject) -> Void)

  /// How many invalid answers the queue has counted.
  func noticedCount(by subject: borrowing Subject) -> UInt64

  /// Goes for good, with everything that it was lent.
  mutating func vanish(from subject: inout Subject)

  /// Makes a buffer one that the queue can carry.
  mutating func prepare(_ buffer: inout Buffer)
}

extension HostilePeer where Self: ~Copyable {
  public static var returnsWhenVanished: Bool { true }

  public mutating func prepare(_ buffer: inout Buffer) {}
}

/// A queue and a hostile other side, fresh, with nothing registered.
public struct HostilePairing<Peer: HostilePeer & ~Copyable>: ~Copyable {
  var subject: Peer.Subject
  var peer: Peer

  public init(_ subject: consuming Peer.Subject, _ peer: consuming Peer) {
    self.subject = subject
    self.peer = peer
  }
}
