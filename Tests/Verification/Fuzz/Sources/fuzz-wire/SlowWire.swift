import CleanQWire

/// The wire formats a second time, written to be obvious.
enum SlowWire {
  static func word(_ bytes: [UInt8], _ offset: Int) -> Int { Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) }

  static func long(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    UInt32(word(bytes, offset)) << 16 | UInt32(word(bytes, offset + 2))
  }

  /// The ones' complement sum of 16-bit words, the last padded with a zero. Source: RFC 1071 § 1.
  static func sum(_ bytes: [UInt8]) -> Int {
    var sum = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += Int(bytes[index]) << 8 | (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
    }
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
    return sum
  }

  /// Whether bytes that hold their checksum add up.
  static func isSummed(_ bytes: [UInt8]) -> Bool { sum(bytes) == 0xFFFF }

  /// Writes the checksum of bytes into them.
  static func putSum(_ bytes: inout [UInt8], _ range: Range<Int>, at offset: Int) {
    bytes[offset] = 0
    bytes[offset + 1] = 0
    let value = ~sum(Array(bytes[range])) & 0xFFFF
    bytes[offset] = UInt8(value >> 8)
    bytes[offset + 1] = UInt8(value & 0xFF)
  }

  /// Source: RFC 791 § 3.1.
  static func ipv4Error(_ bytes: [UInt8]) -> WireError? {
    guard bytes.count >= 20 else { return .truncated }
    let headerByteCount = Int(bytes[0] & 15) * 4
    if bytes[0] >> 4 != 4 { return .badVersion }
    if headerByteCount < 20 { return .badHeaderLength }
    if word(bytes, 2) < headerByteCount { return .badTotalLength }
    if word(bytes, 2) > bytes.count { return .truncated }
    return isSummed(Array(bytes[..<headerByteCount])) ? nil : .badHeaderChecksum
  }

  /// Source: RFC 768.
  static func udpError(_ bytes: [UInt8], _ source: UInt32, _ destination: UInt32) -> WireError? {
    guard bytes.count >= 8 else { return .truncated }
    let length = word(bytes, 4)
    guard length >= 8, length <= bytes.count else { return .badUDPLength }
    if word(bytes, 6) == 0 { return nil }
    var pseudo: [UInt8] = []
    for address in [source, destination] {
      pseudo += stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: address >> UInt32($0)) }
    }
    pseudo += [0, 17, bytes[4], bytes[5]]
    return isSummed(pseudo + bytes[..<length]) ? nil : .badUDPChecksum
  }

  /// Source: RFC 792.
  static func icmpError(_ bytes: [UInt8]) -> WireError? {
    if bytes.count < 8 { return .truncated }
    return isSummed(bytes) ? nil : .badICMPChecksum
  }

  /// Source: RFC 826, "Packet Reception".
  static func arpError(_ bytes: [UInt8]) -> WireError? {
    if bytes.count < 28 { return .truncated }
    if word(bytes, 0) != 1 { return .badARPHardware }
    if word(bytes, 2) != 0x800 { return .badARPProtocol }
    if bytes[4] != 6 || bytes[5] != 4 { return .badARPLength }
    return (1...2).contains(word(bytes, 6)) ? nil : .badARPOperation
  }
}

extension Result where Failure == WireError {
  var error: WireError? { if case .failure(let error) = self { error } else { nil } }
}
