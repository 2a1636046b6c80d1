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
}
