import CleanQ
import CleanQTesting
import CleanQWire
import TestSupport

@testable import CleanQCapture

/// A UDP datagram in a packet in a frame.
func udpFrame(to port: UInt16, payload: [UInt8], from source: IPv4Address = IPv4Address(10, 0, 0, 1)) -> [UInt8] {
  TestStation(MACAddress(2, 0, 0, 0, 0, 1), source).datagram(
    payload, port: port, to: TestStation(MACAddress(2, 0, 0, 0, 0, 2), IPv4Address(10, 0, 0, 2)))
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

/// There was no memory for a buffer.
struct NoBuffer: Error {}

/// Carves a buffer with these bytes in it.
func makeBuffer(_ bytes: [UInt8], in region: borrowing Region, flags: BufferFlags = .last) throws -> Buffer {
  // Long enough for metadata.
  guard var buffer = region.buffer(byteCount: max(512, 64 + bytes.count + 64)) else { throw NoBuffer() }
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

extension PcapPort where Lower: ~Copyable {
  /// A tap on a device in memory that knows a region.
  init<Unit: Traffic>(
    on wire: TestWire, _ region: borrowing Region, _ options: CaptureOptions, onEvent: @escaping CaptureEventHandler
  ) throws where Lower == TestDevice<Unit> {
    var device = TestDevice<Unit>(wire)
    try device.register(region)
    try self.init(device, options, onEvent: onEvent)
  }
}
