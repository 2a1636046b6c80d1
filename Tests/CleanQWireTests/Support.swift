import CleanQWire
import Testing
import TestSupport

extension SeededGenerator {
  mutating func address() -> IPv4Address { IPv4Address(rawValue: UInt32(truncatingIfNeeded: next())) }

  mutating func mac() -> MACAddress { MACAddress(rawValue: next()) }

  mutating func uint16() -> UInt16 { UInt16(truncatingIfNeeded: next()) }

  mutating func uint8() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
}

/// The bytes that pairs of hexadecimal digits stand for; spaces are for the reader.
func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { $0 != " " }.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

// Arrays in and out: `#expect` takes no spans.

func parseEthernet(_ bytes: [UInt8]) -> Result<EthernetHeader, WireError> { EthernetHeader.parse(bytes.span) }

func parseARP(_ bytes: [UInt8]) -> Result<ARPPacket, WireError> { ARPPacket.parse(bytes.span) }

func parseIPv4(_ bytes: [UInt8]) -> Result<IPv4Header, WireError> { IPv4Header.parse(bytes.span) }

func parseICMP(_ bytes: [UInt8]) -> Result<ICMPv4Message, WireError> { ICMPv4Message.parse(bytes.span) }

func parseUDP(
  _ bytes: [UInt8], _ source: IPv4Address, _ destination: IPv4Address
) -> Result<UDPHeader, WireError> {
  UDPHeader.parse(bytes.span, source: source, destination: destination)
}

/// Turns the echo request in `bytes` into its reply, where there is a good one.
func replyToEcho(_ bytes: inout MutableSpan<UInt8>) -> Bool {
  guard case .success(let words) = ICMPv4Words.parse(bytes.span), let reply = words.echoReply else { return false }
  reply.store(into: &bytes)
  return true
}

func checksum(_ bytes: [UInt8]) -> UInt16 { InternetChecksum.of(bytes.span) }

/// `bytes` after `body` has written into them.
func writing(_ bytes: [UInt8], _ body: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
  var copy = bytes
  var span = copy.mutableSpan
  body(&span)
  return copy
}

func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

/// `bytes` with `value` in place of the byte at `offset`.
func replacing(_ bytes: [UInt8], _ offset: Int, _ value: UInt8) -> [UInt8] {
  var copy = bytes
  copy[offset] = value
  return copy
}

/// `header` with the 16-bit number at `offset` replaced and the checksum in bytes 10…11 made right again.
func resummed(_ header: [UInt8], _ offset: Int, _ value: UInt16) -> [UInt8] {
  var copy = header
  copy[offset] = UInt8(value >> 8)
  copy[offset + 1] = UInt8(value & 0xFF)
  return resummed(copy)
}

/// `header` with the IPv4 checksum over its IHL made right.
func resummed(_ header: [UInt8]) -> [UInt8] {
  var copy = header
  copy[10] = 0
  copy[11] = 0
  let sum = naiveChecksum(Array(copy.prefix(max(20, Int(copy[0] & 0xF) * 4))))
  copy[10] = UInt8(sum >> 8)
  copy[11] = UInt8(sum & 0xFF)
  return copy
}

/// RFC 1071 § 1 by the letter, a byte at a time.
func naiveChecksum(_ bytes: [UInt8]) -> UInt16 {
  var sum = 0
  for (index, byte) in bytes.enumerated() {
    sum += index % 2 == 0 ? Int(byte) << 8 : Int(byte)
    if sum > 0xFFFF { sum -= 0xFFFF }
  }
  return ~UInt16(sum)
}

/// The result of a parse that must succeed.
func value<Success>(_ result: Result<Success, WireError>) throws -> Success { try result.get() }
