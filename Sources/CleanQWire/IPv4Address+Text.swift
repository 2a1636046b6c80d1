extension IPv4Address: LosslessStringConvertible {
  /// The address written as a strict dotted quad: four decimal numbers 0…255 with no leading zeros and nothing around
  /// them.
  ///
  /// Strict because the old forms are traps: `010.0.0.1` is 8.0.0.1 to some programs. Source: RFC 6943 § 3.1.1.
  ///
  /// - Returns: `nil` for anything else.
  /// - Complexity: O(length of `text`).
  public init?(_ text: some StringProtocol) {
    self.init(dottedQuad: text.utf8)
  }

  /// As `init?(_: some StringProtocol)`; `LosslessStringConvertible` asks for this one.
  public init?(_ description: String) {
    self.init(dottedQuad: description.utf8)
  }

  /// `init?(_:)` over the bytes of the text.
  init?(dottedQuad text: some Sequence<UInt8>) {
    var value: UInt32 = 0
    var dotCount = 0
    var octet: UInt32?
    for byte in text {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        // A 0 that has a digit after it is a leading zero.
        guard octet != 0 else { return nil }
        let next = (octet ?? 0) * 10 + UInt32(byte - UInt8(ascii: "0"))
        guard next <= 255 else { return nil }
        octet = next
      case UInt8(ascii: "."):
        guard let complete = octet, dotCount < 3 else { return nil }
        value = value << 8 | complete
        dotCount += 1
        octet = nil
      default:
        return nil
      }
    }
    guard let last = octet, dotCount == 3 else { return nil }
    self.init(rawValue: value << 8 | last)
  }

  /// The address as a dotted quad: `10.0.0.2`.
  public var description: String {
    "\(rawValue >> 24).\(rawValue >> 16 & 0xFF).\(rawValue >> 8 & 0xFF).\(rawValue & 0xFF)"
  }
}
