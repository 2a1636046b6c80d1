extension ICMPv4Message {
  /// The header of a destination-unreachable message. `emit` writes it before the quoted packet.
  ///
  /// Source: RFC 792, "Destination Unreachable Message".
  ///
  /// - Parameters:
  ///   - code: why.
  ///   - nextHopMTU: the largest packet that would pass, in bytes, for `fragmentationNeeded`; else 0.
  ///     Source: RFC 1191 § 4.
  /// - Complexity: O(1).
  @inlinable
  public static func destinationUnreachable(
    _ code: ICMPv4UnreachableCode, nextHopMTU: UInt16 = 0
  ) -> ICMPv4Message {
    ICMPv4Message(type: .destinationUnreachable, code: code.rawValue, restOfHeader: UInt32(nextHopMTU))
  }

  /// The most bytes that an error message may quote of the packet that it is about, so that the whole error packet,
  /// with a 20-byte IP header and this one, has no more than 576 bytes. Source: RFC 1812 § 4.3.2.3.
  @inlinable public static var maximumQuoteByteCount: Int { 576 &- 20 &- 8 }
}
