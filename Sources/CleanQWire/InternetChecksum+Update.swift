extension InternetChecksum {
  /// The checksum of a packet after one of its aligned 16-bit words has been changed, from the old checksum alone.
  ///
  /// Where the words of a packet may all become zero, as in an ICMP echo reply, the caller must write 0xFFFF for a
  /// result of 0: the equation gives 0 there, which does not verify. 0xFFFF verifies wherever 0 does. An IP header is
  /// never all zeros.
  ///
  /// Source: RFC 1624 § 3, equation 3: HC' = ~(~HC + ~m + m').
  ///
  /// - Parameters:
  ///   - checksum: the packet's checksum before the change, valid.
  ///   - old: the word before the change.
  ///   - new: the word after it.
  /// - Complexity: O(1).
  @inlinable
  public static func updated(_ checksum: UInt16, replacing old: UInt16, with new: UInt16) -> UInt16 {
    ~fold(UInt64(~checksum) &+ UInt64(~old) &+ UInt64(new))
  }
}
