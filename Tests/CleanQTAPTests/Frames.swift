import CleanQ
import Testing
import TestSupport

/// Ethernet frames with UDP in them, as plain bytes.
enum UDPFrame {
  static let headerByteCount = 42

  /// A frame from 10.9.0.2:7 to the kernel's socket.
  static func toKernel(_ payload: [UInt8]) -> [UInt8] {
    var frame = [UInt8](repeating: 0xFF, count: 6) + [2, 0, 0, 0, 0, 2, 8, 0]
    let length = UInt16(28 + payload.count)
    var header: [UInt8] = [0x45, 0] + big(length) + [0, 0, 0, 0, 64, 17, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1]
    var sum: UInt32 = 0
    for index in stride(from: 0, to: 20, by: 2) { sum += UInt32(header[index]) << 8 | UInt32(header[index + 1]) }
    while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
    header.replaceSubrange(10..<12, with: big(~UInt16(sum)))
    frame += header
    frame += big(7) + big(KernelSocket.port) + big(UInt16(8 + payload.count)) + [0, 0]
    return frame + payload
  }

  static func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

  /// The payload of a frame to UDP port 7, or nil for any other.
  static func payload(_ buffer: borrowing Buffer) -> [UInt8]? {
    let bytes = buffer.bytes
    guard bytes.count >= headerByteCount, bytes[12] == 8, bytes[13] == 0, bytes[23] == 17, bytes[36] == 0,
      bytes[37] == 7
    else { return nil }
    let end = min(bytes.count, 34 + Int(bytes[38]) << 8 + Int(bytes[39]))
    return (headerByteCount..<end).map { bytes[$0] }
  }

  static func number(_ value: Int, count: Int = 8) -> [UInt8] {
    (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0xA5 }
  }

  static func number(in payload: [UInt8]) -> Int { (0..<8).reduce(0) { $0 | Int(payload[$1]) << (8 * $1) } }
}

extension Buffer {
  /// Makes the buffer hold these bytes.
  mutating func put(_ bytes: [UInt8]) { check(fill(from: bytes.span)) }
}
