/// One capability of a function's configuration space.
///
/// Source: [PCI Local Bus 3.0 § 6.7]: a chain that begins at 0x34; each link is an id, the next link's offset, and a body.
public struct PCICapability: Equatable, Sendable {
  public let id: UInt8
  /// Where it begins in the configuration space.
  public let offset: Int

  /// Vendor-specific: its third byte says how long it is.
  public static let vendorSpecific: UInt8 = 0x09
  public static let pciExpress: UInt8 = 0x10
  public static let msix: UInt8 = 0x11

  /// Walks the chain. A link that leads out of the standard space, or back, ends it.
  ///
  /// - Parameter bytes: the first 256 bytes of the configuration space.
  public static func all(in bytes: [UInt8]) -> [PCICapability] {
    // Status, bit 4: there is a chain. § 6.2.3
    guard bytes.count >= 256, bytes[0x06] & 0x10 != 0 else { return [] }
    var found: [PCICapability] = []
    var offset = Int(bytes[0x34] & 0xFC)
    // 192 bytes behind the header hold no more than 48 links of four bytes.
    while offset >= 0x40, found.count < 48 {
      found.append(PCICapability(id: bytes[offset], offset: offset))
      offset = Int(bytes[offset + 1] & 0xFC)
    }
    return found
  }
}
