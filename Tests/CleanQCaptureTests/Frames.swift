import CleanQ
import CleanQWire
import TestSupport

/// A UDP datagram in a packet in a frame.
func udpFrame(to port: UInt16, payload: [UInt8], from source: IPv4Address = IPv4Address(10, 0, 0, 1)) -> [UInt8] {
  let destination = IPv4Address(10, 0, 0, 2)
  var bytes = [UInt8](repeating: 0, count: 42) + payload
  var span = bytes.mutableSpan
  let udp = UDPHeader(sourcePort: 40_000, destinationPort: port, payloadByteCount: payload.count)
  let ip = IPv4Header(source: source, destination: destination, protocol: .udp, payloadByteCount: 8 + payload.count)
  var datagram = [UInt8](repeating: 0, count: 8) + payload
  var datagramSpan = datagram.mutableSpan
  udp.emit(into: &datagramSpan, source: source, destination: destination)
  var header = [UInt8](repeating: 0, count: 20)
  var headerSpan = header.mutableSpan
  ip.emit(into: &headerSpan)
  let ethernet: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]
  let whole = ethernet + header + datagram
  for index in 0..<whole.count { span[index] = whole[index] }
  return bytes
}

/// Frames of every kind that a filter may tell apart.
func mixedFrames(_ count: Int, _ random: inout SeededGenerator) -> [[UInt8]] {
  (0..<count).map { _ in
    switch Int.random(in: 0..<6, using: &random) {
    case 0: udpFrame(to: 7, payload: random.bytes(Int.random(in: 0...1472, using: &random)))
    case 1: udpFrame(to: 53, payload: random.bytes(Int.random(in: 0...100, using: &random)))
    case 2: udpFrame(to: 7, payload: random.bytes(20), from: IPv4Address(192, 168, 1, 9))
    case 3: [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6] + random.bytes(46)
    case 4: [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd] + random.bytes(Int.random(in: 40...200, using: &random))
    default: random.bytes(Int.random(in: 1...100, using: &random))
    }
  }
}

/// The bytes of a buffer as an array.
func array(_ buffer: borrowing Buffer) -> [UInt8] {
  let bytes = buffer.bytes
  return (0..<bytes.count).map { bytes[$0] }
}

/// There was no memory for a buffer.
struct NoBuffer: Error {}

/// Carves a buffer with these bytes in it.
func makeBuffer(_ bytes: [UInt8], in region: borrowing Region, flags: BufferFlags = .last) throws -> Buffer {
  guard var buffer = region.buffer(byteCount: 64 + bytes.count + 64) else { throw NoBuffer() }
  buffer.reset()
  guard buffer.fill(from: bytes.span) else { throw NoBuffer() }
  buffer.flags = flags
  return buffer
}

/// What a port says of itself; the stages below it are left out.
func report<P: CleanQ.Port & ~Copyable>(of port: borrowing P) -> StageReport {
  let reports = port.report().stages
  return reports.last ?? StageReport("none")
}

extension StageReport {
  func counter(_ name: String) -> UInt64? { counters.first { $0.name == name }?.value }
  func drop(_ name: String) -> UInt64 { drops.first { $0.name == name }?.value ?? 0 }
}

/// A port with a script: it receives what is put in, and takes of what it is given as many buffers as the test says.
struct ScriptedPort<Unit: Traffic>: Port, ~Copyable {
  var arriving = Burst()
  var sent = Burst()
  /// How many buffers each transmit takes, in turn; all when there is none left.
  var takes: [Int] = []
  var isEmpty = false
  /// What was taken, in order.
  var taken: [[UInt8]] = []

  mutating func register(_ region: borrowing Region) throws(QueueError) {}
  mutating func deregister(_ region: borrowing Region) throws(QueueError) {}
  func refusal(of region: RegionID) -> Refusal? { nil }
  mutating func fill(_ freeBuffers: inout Burst) -> Refusal? { nil }
  mutating func receive(into filled: inout Burst) {
    while filled.room > 0, let buffer = arriving.popFirst() { filled.append(buffer) }
  }
  mutating func transmit(_ filled: inout Burst) -> Refusal? {
    var room = takes.isEmpty ? Int.max : takes.removeFirst()
    while room > 0, sent.room > 0, let buffer = filled.popFirst() {
      taken.append(array(buffer))
      sent.append(buffer)
      room -= 1
    }
    return filled.isEmpty ? nil : .full
  }
  mutating func complete(into sent: inout Burst) { sent.append(contentsOf: &self.sent) }
  mutating func sleep(_ step: SleepStep) -> Readiness { Readiness(isExhausted: isEmpty) }
  func report(into report: inout PortReport) {
    report.accounts.addInFlight(arriving)
    report.accounts.addInFlight(sent)
  }
}
