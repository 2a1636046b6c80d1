import CleanQVFIO
import FoundationEssentials

/// The network cards of a machine; the properties are the keys of the JSON object.
struct DeviceList: Encodable {
  struct Device: Encodable {
    struct Neighbour: Encodable {
      let address: String
      let driver: String?
    }

    struct Interface: Encodable {
      let name: String
      /// Whether it, or a bridge, bond or VLAN on it, carries a route.
      let routed: Bool
      /// Whether it is in another network namespace; its routes are not known then.
      let elsewhere: Bool
    }

    let address: String
    let vendorID: String
    let deviceID: String
    let vendor: String?
    let model: String?
    let driver: String?
    let iommuGroup: Int?
    /// The other members of the group.
    let groupMembers: [Neighbour]
    let interfaces: [Interface]
  }

  let devices: [Device]

  init(in tree: SystemTree) {
    let names = PCINames(in: tree)
    let routed = RoutedInterfaces(in: tree)
    devices = PCIFunction.all(in: tree).filter(\.isNetworkController).map { function in
      let members = function.group.map { PCIFunction.members(ofGroup: $0, in: tree) } ?? []
      let ids = function.identifier.split(separator: ":").map(String.init)
      return Device(
        address: "\(function.address)", vendorID: ids[0], deviceID: ids[1], vendor: names.vendor(of: function),
        model: names.model(of: function), driver: function.driver, iommuGroup: function.group,
        groupMembers: members.filter { $0.address != function.address }.map {
          Device.Neighbour(address: "\($0.address)", driver: $0.driver)
        },
        interfaces: function.interfaces.map {
          Device.Interface(name: $0, routed: routed.carrier(of: $0) != nil, elsewhere: routed.isElsewhere($0))
        })
    }
  }

  /// One JSON object on one line.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  /// A table for people.
  var text: String {
    if devices.isEmpty { return "no network cards on the PCI bus" }
    let rows = [["ADDRESS", "DRIVER", "GROUP", "INTERFACE", "MODEL"]] + devices.map(\.row)
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      (0..<4).map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }.joined(separator: "  ")
        + "  " + row[4]
    }.joined(separator: "\n")
  }
}

extension DeviceList.Device {
  var row: [String] {
    let names = interfaces.map { $0.name + ($0.routed ? " (routed)" : $0.elsewhere ? " (other namespace)" : "") }
    let group = iommuGroup.map { "\($0)" } ?? "none"
    let shared = groupMembers.map { "\($0.address) (\($0.driver ?? "-"))" }
    return [
      address, driver ?? "-", group + (shared.isEmpty ? "" : " with " + shared.joined(separator: ", ")),
      names.isEmpty ? "-" : names.joined(separator: ", "),
      "\(vendor ?? vendorID) \(model ?? deviceID) [\(vendorID):\(deviceID)]",
    ]
  }
}
