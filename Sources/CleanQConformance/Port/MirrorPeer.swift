public import CleanQ

/// The other half of the port itself, where one queue's other side is the other queue.
public struct MirrorPeer<P: Port & ~Copyable>: QueuePeer, ~Copyable {
  public typealias Subject = PortSubject<P>

  private let side: PortSide
  private let prepareBuffer: PreparePacket
  private var held = Hand()
  private var fillers = Hand.fillers()

  public init(_ side: PortSide, prepare: @escaping PreparePacket = { _, _ in }) {
    self.side = side
    prepareBuffer = prepare
  }

  public static var kind: PeerKind { .mirrored }

  public mutating func take(_ count: Int, from subject: inout Subject) -> [Descriptor] {
    // A port gives bursts only: all but this number of places are occupied.
    var names: [Descriptor] = []
    for _ in 0..<4096 where names.count < count {
      let occupied = max(0, Burst.capacity - (count - names.count))
      var burst = fillers.burst(occupied: occupied)
      if side == .transmit { subject.port.port.receive(into: &burst) } else { subject.port.port.complete(into: &burst) }
      fillers.takeBack(occupied, from: &burst)
      if burst.isEmpty { break }
      while let buffer = burst.popFirst() {
        names.append(buffer.name)
        held.append(buffer)
      }
    }
    return names
  }

  public mutating func giveBack(_ count: Int, to subject: inout Subject) -> Int {
    var given = 0
    while given < count, let length = held.runLength, given + length <= count {
      var burst = Burst()
      for _ in 0..<length { if let buffer = held.popFirst() { burst.append(buffer) } }
      let refusal = side == .transmit ? subject.port.port.fill(&burst) : subject.port.port.transmit(&burst)
      given += length - burst.count
      held.prepend(contentsOf: &burst)
      if refusal != nil { break }
    }
    return given
  }

  public mutating func giveUp(_ isForged: (Descriptor) -> Bool) { held.giveUp(isForged) }

  public mutating func prepare(_ buffer: inout Buffer) { prepareBuffer(&buffer, side) }
}
