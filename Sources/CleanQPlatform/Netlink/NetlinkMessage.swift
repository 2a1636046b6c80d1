internal import CPlatform

/// A message of rtnetlink: a request that is built, or an answer that is read.
///
/// The kernel's answers are read with bounds: a length that does not fit ends the walk.
///
/// Source: netlink(7), rtnetlink(7).
package struct NetlinkMessage: Sendable, Equatable {
  package static let headerByteCount = 16
  private static let attributeHeaderByteCount = 4

  /// `RTM_…` or `NLMSG_…`.
  package let type: UInt16
  package let sequence: UInt32
  /// What follows the header.
  package let payload: [UInt8]

  package init(type: UInt16, sequence: UInt32 = 0, payload: [UInt8]) {
    self.type = type
    self.sequence = sequence
    self.payload = payload
  }

  /// The bytes to be sent.
  package func bytes(flags: UInt16) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(word: UInt32(truncatingIfNeeded: Self.headerByteCount + payload.count))
    bytes.append(half: type)
    bytes.append(half: flags)
    bytes.append(word: sequence)
    bytes.append(word: 0)  // from whom: the kernel fills it in
    return bytes + payload
  }

  /// The messages of one datagram.
  package static func all(in bytes: ArraySlice<UInt8>) -> [NetlinkMessage] {
    var messages: [NetlinkMessage] = []
    var rest = bytes
    while rest.count >= headerByteCount {
      let length = Int(rest.word(at: 0))
      guard length >= headerByteCount, length <= rest.count else { break }
      messages.append(
        NetlinkMessage(
          type: rest.half(at: 4), sequence: rest.word(at: 8),
          payload: Array(rest.prefix(length).dropFirst(headerByteCount))))
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return messages
  }

  /// The attributes behind a fixed part of `count` bytes, by type; of one that comes twice, the last.
  package func attributes(after count: Int) -> [UInt16: ArraySlice<UInt8>] {
    Self.attributes(in: payload.dropFirst(count))
  }

  /// Attributes, by type; those inside another one too.
  package static func attributes(in bytes: ArraySlice<UInt8>) -> [UInt16: ArraySlice<UInt8>] {
    var attributes: [UInt16: ArraySlice<UInt8>] = [:]
    var rest = bytes
    while rest.count >= attributeHeaderByteCount {
      let length = Int(rest.half(at: 0))
      guard length >= attributeHeaderByteCount, length <= rest.count else { break }
      // The two highest bits say how the value is coded. Source: NLA_TYPE_MASK, linux/netlink.h.
      attributes[rest.half(at: 2) & 0x3FFF] = rest.prefix(length).dropFirst(attributeHeaderByteCount)
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return attributes
  }
}

extension [UInt8] {
  mutating func append(half value: UInt16) {
    append(contentsOf: [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)])
  }

  mutating func append(word value: UInt32) {
    append(half: UInt16(truncatingIfNeeded: value))
    append(half: UInt16(truncatingIfNeeded: value >> 16))
  }

  /// Appends an attribute, padded.
  mutating func append(attribute type: UInt16, _ value: [UInt8]) {
    append(half: UInt16(truncatingIfNeeded: 4 + value.count))
    append(half: type)
    append(contentsOf: value)
    while count % 4 != 0 { append(0) }
  }
}

// Netlink is in the machine's byte order, which is little-endian on everything that CleanQ runs on.
extension ArraySlice<UInt8> {
  /// Two bytes from `offset` on; 0 where there are none.
  package func half(at offset: Int) -> UInt16 {
    guard offset >= 0, offset + 2 <= count else { return 0 }
    return UInt16(self[startIndex + offset]) | UInt16(self[startIndex + offset + 1]) << 8
  }

  /// Four bytes from `offset` on; 0 where there are none.
  package func word(at offset: Int) -> UInt32 { UInt32(half(at: offset)) | UInt32(half(at: offset + 2)) << 16 }

  /// The text up to the first zero.
  package var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
