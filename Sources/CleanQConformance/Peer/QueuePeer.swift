public import CleanQ

/// How much the suite sees of a queue's other side.
public enum PeerKind: Sendable {
  /// The suite drives the other side buffer by buffer.
  case driven
  /// As `driven`, by the other half of the same port: what it holds counts as owned by the port's user.
  case mirrored
  /// The other side is built in, and hands each buffer back at once.
  case builtIn
  /// A device or a layer works inside; the suite only says when, and sees what comes back.
  case device
}

/// The other side of a queue under test. It gives back what it took, in the same order.
///
/// ``OtherEnd`` drives a second queue, ``BuiltInPeer`` is a loopback's; write one for any other queue.
public protocol QueuePeer<Subject>: ~Copyable {
  associatedtype Subject: Queue & ~Copyable

  static var kind: PeerKind { get }

  /// Takes up to `count` of the buffers that were handed to this side, and keeps them.
  ///
  /// - Returns: their names, oldest first; none where the peer works unseen.
  mutating func take(_ count: Int, from subject: inout Subject) -> [Descriptor]

  /// Hands up to `count` of the buffers that it keeps back, oldest first; a device finishes that many.
  ///
  /// - Returns: how many were handed over.
  mutating func giveBack(_ count: Int, to subject: inout Subject) -> Int

  /// Announces what was handed back.
  mutating func notify(_ subject: inout Subject)

  /// Makes a buffer one that the queue can carry: headroom, addresses.
  mutating func prepare(_ buffer: inout Buffer)

  /// The accounts of this side, where it has one.
  func accounts() -> BufferAccounts?

  /// Whether ``register(_:)``, ``deregister(_:)`` and ``hand(_:)`` work here.
  static var hasOwnEnd: Bool { get }

  mutating func register(_ region: borrowing Region) throws(QueueError)

  mutating func deregister(_ region: borrowing Region) throws(QueueError)

  /// Hands over a buffer of this side's own.
  mutating func hand(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>?

  /// Brings the oldest buffer that it keeps home, instead of handing it back.
  ///
  /// - Returns: false where this kind of peer cannot.
  mutating func bringHome() -> Bool

  /// Gives the oldest buffer that it keeps to the suite, by another way than the queue.
  ///
  /// - Returns: nil where this kind of peer cannot.
  mutating func passBack() -> Buffer?

  /// Cuts the oldest buffer that it keeps in two, which it will hand back one after the other.
  ///
  /// - Returns: false where this kind of peer cannot.
  mutating func split(at position: Int) -> Bool

  /// Goes away, with what it keeps.
  ///
  /// - Returns: false where this kind of peer cannot.
  mutating func leave() -> Bool

  /// After a violation: drops what it keeps, and what it can still take. A buffer whose bytes have an owner already is forged
  /// and must not come home: ``Conformance/quarantine(_:)`` takes it.
  mutating func giveUp(_ isForged: (Descriptor) -> Bool)
}

extension QueuePeer where Self: ~Copyable {
  public mutating func notify(_ subject: inout Subject) {}

  public mutating func prepare(_ buffer: inout Buffer) {}

  public func accounts() -> BufferAccounts? { nil }

  public static var hasOwnEnd: Bool { false }

  public mutating func register(_ region: borrowing Region) throws(QueueError) { throw QueueError(.unsupported) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) { throw QueueError(.unsupported) }

  public mutating func hand(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? { Refused(buffer, .closed) }

  public mutating func bringHome() -> Bool { false }

  public mutating func passBack() -> Buffer? { nil }

  public mutating func split(at position: Int) -> Bool { false }

  public mutating func leave() -> Bool { false }

  public mutating func giveUp(_ isForged: (Descriptor) -> Bool) {}
}

/// A queue and its other side, fresh, with nothing registered.
public struct Pairing<Peer: QueuePeer & ~Copyable>: ~Copyable {
  var subject: Peer.Subject
  var peer: Peer

  public init(_ subject: consuming Peer.Subject, _ peer: consuming Peer) {
    self.subject = subject
    self.peer = peer
  }
}

/// The two ends of a queue, fresh, with nothing registered.
public struct Ends<First: ~Copyable, Second: ~Copyable>: ~Copyable {
  var first: First
  var second: Second

  public init(_ first: consuming First, _ second: consuming Second) {
    self.first = first
    self.second = second
  }
}
