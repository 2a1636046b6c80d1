extension MACAddress: LosslessStringConvertible {
  /// The address written as six pairs of hexadecimal digits, of either case, with colons between them:
  /// `02:00:00:00:00:0a`.
  ///
  /// - Returns: `nil` for anything else.
  /// - Complexity: O(length of `text`).
  public init?(_ text: some StringProtocol) {
    var value: UInt64 = 0
    var position = 0
    for byte in text.utf8 {
      guard position < 17 else { return nil }
      if position % 3 == 2 {
        guard byte == UInt8(ascii: ":") else { return nil }
      } else {
        guard let digit = MACAddress.hexadecimalDigit(byte) else { return nil }
        value = value << 4 | UInt64(digit)
      }
      position += 1
    }
    guard position == 17 else { return nil }
    self.init(rawValue: value)
  }

  /// As `init?(_: some StringProtocol)`; `LosslessStringConvertible` asks for this one.
  public init?(_ description: String) {
    self.init(description[...])
  }

  /// The address in lower case with colons: `02:00:00:00:00:0a`.
  public var description: String {
    var text = ""
    for shift in stride(from: UInt64(40), through: 0, by: -8) {
      let octet = rawValue >> shift & 0xFF
      text += (octet < 16 ? "0" : "") + String(octet, radix: 16) + (shift == 0 ? "" : ":")
    }
    return text
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
