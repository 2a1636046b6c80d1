/// Where a PCI function is: `0000:00:04.0`, domain, bus, device and function.
public struct PCIAddress: Hashable, Comparable, Sendable {
  public var domain: UInt32
  public var bus: UInt8
  /// 0 ... 31.
  public var device: UInt8
  /// 0 ... 7.
  public var function: UInt8

  /// Reads `0000:00:04.0`, or `00:04.0` in domain 0; nil where the text is neither.
  public init?(_ text: some StringProtocol) {
    guard let (domain, bus, device, function) = Self.numbers(of: text), device <= Self.largestDevice,
      function <= Self.largestFunction
    else { return nil }
    self.domain = domain
    self.bus = UInt8(bus)
    self.device = UInt8(device)
    self.function = UInt8(function)
  }

  private static let largestDevice: UInt32 = 31
  private static let largestFunction: UInt32 = 7

  /// What is wrong with the text of an address, as it reads after a colon; nil when nothing is.
  static func diagnostic(about text: String) -> String? {
    guard let (_, _, device, function) = numbers(of: text) else {
      return "a PCI address is domain, bus, device and function, as in 0000:00:04.0"
    }
    if device > largestDevice {
      return
        "there is no device \(hexadecimal(device, digits: 2)) on a PCI bus; they are 00 to 1f, in hexadecimal digits"
    }
    return function > largestFunction ? "a PCI device has no function \(function); they are 0 to 7" : nil
  }

  /// The numbers of a text that has the form, whether or not the device can exist.
  private static func numbers(
    of text: some StringProtocol
  ) -> (domain: UInt32, bus: UInt32, device: UInt32, function: UInt32)? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let last = (parts.last ?? "").split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3, last.count == 2 else { return nil }
    guard let domain = parts.count == 3 ? number(parts[0], digits: 4...8) : 0,
      let bus = number(parts[parts.count - 2], digits: 1...2), let device = number(last[0], digits: 1...2),
      let function = number(last[1], digits: 1...1)
    else { return nil }
    return (domain, bus, device, function)
  }

  public static func < (first: PCIAddress, second: PCIAddress) -> Bool { first.order < second.order }

  private var order: UInt64 {
    UInt64(domain) << 16 | UInt64(bus) << 8 | UInt64(device) << 3 | UInt64(function)
  }

  private static func number(_ text: some StringProtocol, digits: ClosedRange<Int>) -> UInt32? {
    guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }) else { return nil }
    return UInt32(text, radix: 16)
  }
}

extension PCIAddress: CustomStringConvertible {
  /// As the kernel writes it: `0000:00:04.0`.
  public var description: String {
    "\(hexadecimal(domain, digits: 4)):\(hexadecimal(bus, digits: 2)):\(hexadecimal(device, digits: 2)).\(function)"
  }
}

/// A number in hexadecimal digits, zeros in front.
func hexadecimal(_ value: some BinaryInteger, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}
