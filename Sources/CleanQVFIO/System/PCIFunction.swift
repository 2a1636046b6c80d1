/// A PCI function as the kernel describes it below /sys/bus/pci/devices.
public struct PCIFunction: Equatable, Sendable {
  public let address: PCIAddress
  public let vendor: UInt16
  public let device: UInt16
  /// Class, subclass and programming interface: 0x020000 for an Ethernet controller.
  public let classCode: UInt32
  /// The kernel driver that has it; nil for none.
  public let driver: String?
  /// Its IOMMU group; nil where no IOMMU stands between it and memory.
  public let group: Int?
  /// The kernel's network interfaces on it.
  public let interfaces: [String]

  /// The driver that hands functions to processes.
  public static let userDriver = "vfio-pci"

  /// Reads a function; nil where there is none at the address.
  public init?(_ address: PCIAddress, in tree: SystemTree = .machine) {
    let folder = Self.folder(address)
    guard let vendor = tree.hexadecimalNumber("\(folder)/vendor"),
      let device = tree.hexadecimalNumber("\(folder)/device")
    else { return nil }
    self.address = address
    self.vendor = UInt16(truncatingIfNeeded: vendor)
    self.device = UInt16(truncatingIfNeeded: device)
    classCode = tree.hexadecimalNumber("\(folder)/class") ?? 0
    driver = tree.linkName("\(folder)/driver")
    group = tree.linkName("\(folder)/iommu_group").flatMap { Int($0) }
    // A virtio function's interface belongs to the virtio device on it.
    let parents = [folder] + tree.names(folder).filter { $0.hasPrefix("virtio") }.map { "\(folder)/\($0)" }
    interfaces = parents.flatMap { tree.names("\($0)/net") }
  }

  static func folder(_ address: PCIAddress) -> String { "/sys/bus/pci/devices/\(address)" }

  /// Whether it is a network controller of any kind. Source: [PCI Code and ID Assignment § 1.3].
  public var isNetworkController: Bool { classCode >> 16 == 0x02 }

  /// `1af4:1041`.
  public var identifier: String { "\(hexadecimal(vendor, digits: 4)):\(hexadecimal(device, digits: 4))" }

  /// Whether a process can have the function's group while the function is like this.
  ///
  /// Source: Linux drivers/vfio, `vfio_dev_driver_allowed`: no driver, one of VFIO's, or one that does no DMA of its own.
  var allowsGroupUse: Bool {
    guard let driver else { return true }
    return driver.hasPrefix("vfio") || driver == "pci-stub" || (driver == "pcieport" && classCode >> 16 == 0x06)
  }

  /// Every function, by address.
  public static func all(in tree: SystemTree = .machine) -> [PCIFunction] {
    tree.names("/sys/bus/pci/devices").compactMap { PCIAddress($0) }.sorted().compactMap {
      PCIFunction($0, in: tree)
    }
  }

  /// The functions that share an IOMMU group: the hardware cannot keep them apart, so one process has them all or none.
  public static func members(ofGroup group: Int, in tree: SystemTree = .machine) -> [PCIFunction] {
    tree.names("/sys/kernel/iommu_groups/\(group)/devices").compactMap { PCIAddress($0) }.sorted().compactMap {
      PCIFunction($0, in: tree)
    }
  }

  /// The other members of its group that keep a process from having it.
  public func blockers(in tree: SystemTree = .machine) -> [PCIFunction] {
    guard let group else { return [] }
    return Self.members(ofGroup: group, in: tree).filter { $0.address != address && !$0.allowsGroupUse }
  }
}
