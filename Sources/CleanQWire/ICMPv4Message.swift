/// The first 8 bytes of an ICMP message, which every type has. Sendable.
///
/// ```
/// | type 1 | code 1 | checksum 2 | rest of header 4 | data or quoted packet …
/// ```
/// Source: RFC 792, "Message Formats".
@frozen
public struct ICMPv4Message: Sendable, Hashable {
  /// The number of header bytes on the wire.
  @inlinable public static var byteCount: Int { 8 }

  /// What kind of message this is.
  public var type: ICMPv4Type
  /// The kind within the type; 0 for echo.
  public var code: UInt8
  /// Bytes 4…7 in host order; what they mean depends on the type.
  public var restOfHeader: UInt32

  @inlinable
  public init(type: ICMPv4Type, code: UInt8 = 0, restOfHeader: UInt32 = 0) {
    self.type = type
    self.code = code
    self.restOfHeader = restOfHeader
  }

  /// Reads the header at the start of `bytes` and verifies the checksum over all of them.
  ///
  /// - Parameter bytes: the whole message: the IP packet's payload, no more and no less.
  /// - Returns: the header, or `truncated` if there are fewer than 8 bytes, or `badICMPChecksum`.
  /// - Complexity: O(`bytes.count`).
  @inlinable
  public static func parse(_ bytes: Span<UInt8>) -> Result<ICMPv4Message, WireError> {
    ICMPv4Words.parse(bytes).map(\.message)
  }

  /// Writes the header over the first 8 bytes of `bytes`, with a checksum over all of them.
  ///
  /// - Parameter bytes: the whole message: 8 bytes to be overwritten, then the data or the quoted packet.
  /// - Precondition: `bytes.count >= 8`.
  /// - Complexity: O(`bytes.count`).
  @inlinable
  public func emit(into bytes: inout MutableSpan<UInt8>) {
    precondition(bytes.count >= 8, "an ICMP message needs 8 bytes")
    let typeAndCode = UInt16(type.rawValue) << 8 | UInt16(code)
    var checksum = InternetChecksum()
    checksum.add(typeAndCode)
    checksum.add(UInt16(truncatingIfNeeded: restOfHeader >> 16))
    checksum.add(UInt16(truncatingIfNeeded: restOfHeader))
    checksum.add(bytes.span.extracting(8..<bytes.count))
    bytes.storeBigEndian(typeAndCode, at: 0)
    bytes.storeBigEndian(checksum.value, at: 2)
    bytes.storeBigEndian(restOfHeader, at: 4)
  }
}
