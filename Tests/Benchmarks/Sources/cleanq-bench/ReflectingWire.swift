import CleanQ
import CleanQNet
import CleanQWire

/// The in-memory end of a stack of layers: what is transmitted is received again as if its addressee had answered.
///
/// Answering swaps addresses and ports, which leaves every checksum as it is, so that a frame which a stack sent is one
/// that the stack accepts. The price of the swap is measured too, by the same wire with nothing on it.
struct ReflectingWire<Lower: Port & ~Copyable>: StackedPort, ~Copyable where Lower.Unit == Frame {
  typealias Unit = Frame

  var lower: Lower

  mutating func transmit(_ filled: inout Burst) -> Refusal? {
    for index in 0..<filled.count { Self.swapAddresses(&filled[index]) }
    return lower.transmit(&filled)
  }

  /// Ethernet, IPv4 without options, UDP. In line, so that a wire under layers does not cost more than one by itself.
  @inline(__always)
  private static func swapAddresses(_ buffer: inout Buffer) {
    precondition(buffer.validByteCount >= 42, "a frame that no layer made")
    let (destination, source) = (MACAddress(buffer.bytes, at: 0), MACAddress(buffer.bytes, at: 6))
    let (from, to) = (buffer.bytes.bigEndian32(at: 26), buffer.bytes.bigEndian32(at: 30))
    let ports = buffer.bytes.bigEndian32(at: 34)
    var bytes = buffer.mutableBytes
    source.emit(into: &bytes, at: 0)
    destination.emit(into: &bytes, at: 6)
    bytes.storeBigEndian(to, at: 26)
    bytes.storeBigEndian(from, at: 30)
    bytes.storeBigEndian(ports << 16 | ports >> 16, at: 34)
  }
}

/// An interlink whose far end is this end again: as many packets as there are slots are under way, so that what is received was
/// written long ago, and is in no near cache.
struct LongWire: Port, ~Copyable {
  typealias Unit = Frame

  var ends: RingPort<Frame>.Pair

  init(slotCount: Int) throws { ends = try RingPort.pair(slotCount: slotCount) }

  mutating func register(_ region: borrowing Region) throws(QueueError) { try ends.first.register(region) }
  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try ends.first.deregister(region) }
  mutating func fill(_ freeBuffers: inout Burst) -> Refusal? { ends.second.fill(&freeBuffers) }
  mutating func receive(into filled: inout Burst) { ends.second.receive(into: &filled) }
  mutating func transmit(_ filled: inout Burst) -> Refusal? { ends.first.transmit(&filled) }
  mutating func complete(into sent: inout Burst) { ends.first.complete(into: &sent) }
  mutating func sleep(_ step: SleepStep) -> Readiness { Readiness(hasWork: true) }
  func refusal(of region: RegionID) -> Refusal? { ends.first.refusal(of: region) }
  func report(into report: inout PortReport) { report.accounts = ends.first.accounts() }
}
