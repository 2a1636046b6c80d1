/// The first 8 bytes of an ICMP message as they lie in memory, in one word: they are read once, and what was read is what is
/// used, whoever changes the message meanwhile.
///
/// ```
/// | type 1 | code 1 | checksum 2 | rest of header 4 |
/// ```
/// Source: RFC 792, "Message Formats". Sendable.
@frozen
public struct ICMPv4Words: Sendable, Hashable, BitwiseCopyable {
  @usableFromInline var word: UInt64

  @inlinable
  init(word: UInt64) { self.word = word }

  /// Reads the header at the start of `bytes` and verifies the checksum over all of them.
  ///
  /// - Parameter bytes: the whole message: the IP packet's payload, no more and no less.
  /// - Returns: the header, or `truncated` if there are fewer than 8 bytes, or `badICMPChecksum`.
  /// - Complexity: O(`bytes.count`).
  @inlinable
  public static func parse(_ bytes: Span<UInt8>) -> Result<ICMPv4Words, WireError> {
    guard bytes.count >= ICMPv4Message.byteCount else { return .failure(.truncated) }
    let words = ICMPv4Words(word: bytes.littleEndian64(at: 0))
    var checksum = InternetChecksum()
    checksum.add(littleEndian: words.word)
    checksum.add(bytes.extracting(droppingFirst: ICMPv4Message.byteCount))
    return checksum.isValid ? .success(words) : .failure(.badICMPChecksum)
  }

  /// The header's fields.
  @inlinable
  public var message: ICMPv4Message {
    ICMPv4Message(
      type: ICMPv4Type(rawValue: UInt8(truncatingIfNeeded: word)), code: UInt8(truncatingIfNeeded: word >> 8),
      restOfHeader: UInt32(truncatingIfNeeded: word >> 32).byteSwapped)
  }

  /// The header of the reply to this echo request: the type changes and the checksum follows; all else stays, as RFC 792 and
  /// RFC 1122 § 3.2.2.6 ask. Nil where this is no echo request.
  ///
  /// - Complexity: O(1): the checksum is updated, not made anew.
  @inlinable
  public var echoReply: ICMPv4Words? {
    let (request, reply) = (ICMPv4Type.echoRequest.rawValue, ICMPv4Type.echoReply.rawValue)
    guard UInt8(truncatingIfNeeded: word) == request else { return nil }
    let code = UInt16(truncatingIfNeeded: word) & 0xFF00
    let updated = InternetChecksum.updated(
      UInt16(truncatingIfNeeded: word >> 16), replacing: code | UInt16(request), with: code | UInt16(reply))
    // A reply to a ping with identifier 0, sequence 0 and zeros as data is all zeros but for this field: see `updated`.
    let checksum = updated == 0 ? 0xFFFF : updated
    return ICMPv4Words(word: word & ~0xFFFF_00FF | UInt64(reply) | UInt64(checksum) << 16)
  }

  /// Writes the header over the first 8 bytes of `bytes`.
  ///
  /// - Precondition: 8 bytes are there.
  @inlinable
  public func store(into bytes: inout MutableSpan<UInt8>) { bytes.storeLittleEndian(word, at: 0) }
}
