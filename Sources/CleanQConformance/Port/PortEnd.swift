public import CleanQ

/// Makes a buffer one that the port can fill, or a packet that it can transmit.
public typealias PreparePacket = (inout Buffer, PortSide) -> Void

/// The second end of an interlink, driven by the suite.
public struct PortEnd<P: Port & ~Copyable, Other: Port & ~Copyable>: QueuePeer, ~Copyable {
  public typealias Subject = PortSubject<P>

  private let side: PortSide
  private let prepareBuffer: PreparePacket
  private var inner: OtherEnd<PortSubject<P>, PortSubject<Other>>

  public init(_ side: PortSide, _ other: consuming Other, prepare: @escaping PreparePacket = { _, _ in }) {
    self.side = side
    prepareBuffer = prepare
    // For a free buffer the peer gives back a packet.
    inner = OtherEnd(PortSubject(side == .transmit ? .receive : .transmit, of: other)) { buffer in
      if side == .receive { prepare(&buffer, .transmit) }
    }
  }

  public static var kind: PeerKind { .driven }

  public mutating func take(_ count: Int, from subject: inout Subject) -> [Descriptor] {
    inner.take(count, from: &subject)
  }

  public mutating func giveBack(_ count: Int, to subject: inout Subject) -> Int { inner.giveBack(count, to: &subject) }

  public mutating func notify(_ subject: inout Subject) { inner.notify(&subject) }

  public mutating func prepare(_ buffer: inout Buffer) { prepareBuffer(&buffer, side) }

  public func accounts() -> BufferAccounts? { inner.accounts() }

  public static var hasOwnEnd: Bool { true }

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try inner.register(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) { try inner.deregister(region) }

  public mutating func hand(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? { inner.hand(buffer) }

  public mutating func bringHome() -> Bool { inner.bringHome() }

  public mutating func passBack() -> Buffer? { inner.passBack() }

  public mutating func split(at position: Int) -> Bool { inner.split(at: position) }

  public mutating func leave() -> Bool { inner.leave() }

  public mutating func giveUp(_ isForged: (Descriptor) -> Bool) { inner.giveUp(isForged) }
}
