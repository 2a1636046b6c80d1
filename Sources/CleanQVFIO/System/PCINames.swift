/// Names of vendors and models, from the file that Debian's `pci.ids` package installs.
///
/// Source: the format that the file itself describes: `vendor  name`, then one tab, `device  name`; two tabs are subsystems.
public struct PCINames: Sendable {
  private var vendors: [UInt16: String] = [:]
  private var devices: [UInt32: String] = [:]

  public static let path = "/usr/share/misc/pci.ids"

  /// Reads the names; has none where the file is not there.
  public init(in tree: SystemTree = .machine) { self.init(text: tree.text(Self.path) ?? "") }

  init(text: String) {
    var vendor: UInt16?
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      // The classes of devices follow the vendors.
      if line.starts(with: "C ".utf8) { break }
      let tabs = line.prefix { $0 == UInt8(ascii: "\t") }.count
      guard line.first != UInt8(ascii: "#"), tabs < 2 else { continue }
      let entry = line.dropFirst(tabs)
      guard let id = UInt16(String(entry.prefix(4)) ?? "", radix: 16), entry.count > 6,
        let name = String(entry.dropFirst(6))
      else { continue }
      if tabs == 0 {
        vendor = id
        vendors[id] = name
      } else if let vendor {
        devices[Self.key(vendor, id)] = name
      }
    }
  }

  public func vendor(of function: PCIFunction) -> String? { vendors[function.vendor] }

  public func model(of function: PCIFunction) -> String? { devices[Self.key(function.vendor, function.device)] }

  private static func key(_ vendor: UInt16, _ device: UInt16) -> UInt32 { UInt32(vendor) << 16 | UInt32(device) }
}
