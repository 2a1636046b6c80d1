extension ICMPv4Message {
  /// The header of an echo request, a ping. Source: RFC 792, "Echo or Echo Reply Message".
  ///
  /// - Complexity: O(1).
  @inlinable
  public static func echoRequest(identifier: UInt16, sequence: UInt16) -> ICMPv4Message {
    ICMPv4Message(type: .echoRequest, restOfHeader: UInt32(identifier) << 16 | UInt32(sequence))
  }

  /// Which pinging program an echo belongs to. Of no meaning in other types.
  @inlinable public var echoIdentifier: UInt16 { UInt16(truncatingIfNeeded: restOfHeader >> 16) }

  /// Which of a program's pings this is. Of no meaning in other types.
  @inlinable public var echoSequence: UInt16 { UInt16(truncatingIfNeeded: restOfHeader) }

  /// Turns the echo request in `bytes` into its reply: the type changes and the checksum follows; all else stays, as
  /// RFC 792 and RFC 1122 § 3.2.2.6 ask.
  ///
  /// - Parameter bytes: the message, which `parse` has accepted.
  /// - Returns: `false`, with nothing changed, if this is no echo request or is shorter than 8 bytes.
  /// - Complexity: O(1): the checksum is updated, not made anew.
  @inlinable
  public static func replyToEcho(in bytes: inout MutableSpan<UInt8>) -> Bool {
    guard bytes.count >= 8, bytes[0] == ICMPv4Type.echoRequest.rawValue else { return false }
    let code = UInt16(bytes[1])
    let updated = InternetChecksum.updated(
      bytes.span.bigEndian16(at: 2),
      replacing: UInt16(ICMPv4Type.echoRequest.rawValue) << 8 | code,
      with: UInt16(ICMPv4Type.echoReply.rawValue) << 8 | code)
    bytes[0] = ICMPv4Type.echoReply.rawValue
    // A reply to a ping with identifier 0, sequence 0 and zeros as data is all zeros but for this field: see `updated`.
    bytes.storeBigEndian(updated == 0 ? 0xFFFF : updated, at: 2)
    return true
  }
}
