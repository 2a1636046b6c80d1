import CleanQWire
import FuzzSupport

/// Addresses as text: accepted or not, and written as they were read.
enum TextChecks {
  static func check(_ text: String) {
    let address = IPv4Address(text)
    require((address != nil) == isDottedQuad(text), "\(text.debugDescription) is an address or is not")
    if let address { require(address.description == text, "an address is written as it was read") }
    checkPrefix(text)
    guard let mac = MACAddress(text) else { return }
    let isSame = mac.description == text.lowercased() && MACAddress(mac.description) == mac
    require(isSame, "a MAC is written as it was read")
  }

  private static func checkPrefix(_ text: String) {
    let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let isGood = halves.count == 2 && isDottedQuad(halves[0]) && isNumber(halves[1], upTo: 32)
    do throws(IPv4Prefix.ParseError) {
      let prefix = try IPv4Prefix(text)
      require(isGood && prefix.description == text, "a prefix is written as it was read")
      require(prefix.contains(prefix.address) && prefix.contains(prefix.network), "a prefix contains its own")
      guard let broadcast = prefix.directedBroadcast else { return }
      require(prefix.contains(broadcast), "a prefix contains its broadcast")
    } catch {
      require(!isGood, "\(text.debugDescription) is a prefix")
      _ = error.description
    }
  }

  private static func isDottedQuad(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { isNumber(String(decoding: $0, as: UTF8.self), upTo: 255) }
  }

  /// Whether a text is a number as it would be written.
  private static func isNumber(_ text: String, upTo limit: Int) -> Bool {
    guard let number = Int(text), number >= 0, number <= limit else { return false }
    return Array(String(number).utf8) == Array(text.utf8)
  }
}
