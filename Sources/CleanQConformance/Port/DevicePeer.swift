public import CleanQ

/// A device inside the port, played by a closure.
public struct DevicePeer<P: Port & ~Copyable>: QueuePeer, ~Copyable {
  public typealias Subject = PortSubject<P>

  private let side: PortSide
  private let prepareBuffer: PreparePacket
  private let run: (inout P, PortSide, Int) -> Void

  public init(
    _ side: PortSide, prepare: @escaping PreparePacket = { _, _ in }, run: @escaping (inout P, PortSide, Int) -> Void
  ) {
    self.side = side
    prepareBuffer = prepare
    self.run = run
  }

  public static var kind: PeerKind { .device }

  public mutating func take(_ count: Int, from subject: inout Subject) -> [Descriptor] { [] }

  public mutating func giveBack(_ count: Int, to subject: inout Subject) -> Int {
    run(&subject.port.port, side, min(count, Burst.capacity))
    return 0
  }

  public mutating func prepare(_ buffer: inout Buffer) { prepareBuffer(&buffer, side) }
}
