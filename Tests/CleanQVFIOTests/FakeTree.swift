import Glibc
import Synchronization

@testable import CleanQVFIO

/// A copy of /sys, /proc and /dev in a temporary folder, with a kernel that binds and unbinds as the real one does.
final class FakeTree: Sendable {
  let root: String
  /// What every write to the tree was, as `path text`.
  private let writes = Mutex([String]())
  /// The driver that takes a function which nobody overrides.
  let usual: String?
  /// Answers to writes, by the end of their path: an errno.
  let refusals: [String: Int32]

  init(usual: String? = "virtio-pci", hasUserDriver: Bool = true, refusals: [String: Int32] = [:]) {
    var template = Array("/tmp/cleanq-vfio-XXXXXX".utf8CString)
    root = unsafe String(cString: mkdtemp(&template))
    self.usual = usual
    self.refusals = refusals
    folder("/sys/bus/pci/devices")
    folder("/proc/net")
    folder("/dev/vfio")
    if hasUserDriver { folder("/sys/bus/pci/drivers/vfio-pci") }
  }

  deinit { remove(root) }

  var written: [String] { writes.withLock { $0 } }

  var tree: SystemTree {
    var tree = SystemTree(root: root)
    tree.react = { [unowned self] path, text in self.react(path, text) }
    return tree
  }

  func function(
    _ address: String, vendor: String = "0x1af4", device: String = "0x1041", class: String = "0x020000",
    driver: String? = nil, group: Int? = nil, interface: String? = nil, on child: String = ""
  ) {
    let path = "/sys/bus/pci/devices/\(address)"
    folder(path)
    file("\(path)/vendor", "\(vendor)\n")
    file("\(path)/device", "\(device)\n")
    file("\(path)/class", "\(`class`)\n")
    file("\(path)/driver_override", "(null)\n")
    set(driver: driver, of: address)
    if let group {
      link("\(path)/iommu_group", to: "../../../kernel/iommu_groups/\(group)")
      folder("/sys/kernel/iommu_groups/\(group)/devices")
      link("/sys/kernel/iommu_groups/\(group)/devices/\(address)", to: "../../../../bus/pci/devices/\(address)")
    }
    if let interface { folder("\(path)\(child)/net/\(interface)") }
  }

  func set(driver: String?, of address: String) {
    let path = "\(root)/sys/bus/pci/devices/\(address)/driver"
    unlink(path)
    guard let driver else { return }
    folder("/sys/bus/pci/drivers/\(driver)")
    link("/sys/bus/pci/devices/\(address)/driver", to: "../../../../bus/pci/drivers/\(driver)")
  }

  func file(_ path: String, _ text: String) {
    let file = unsafe open(root + path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    var bytes = Array(text.utf8)
    _ = unsafe write(file, &bytes, bytes.count)
    close(file)
  }

  func folder(_ path: String) {
    var made = root
    for part in path.split(separator: "/") {
      made += "/\(part)"
      unsafe mkdir(made, 0o755)
    }
  }

  func link(_ path: String, to target: String) { unsafe symlink(target, root + path) }

  private func unlink(_ path: String) { unsafe _ = Glibc.unlink(path) }

  private func react(_ path: String, _ text: String) -> Int32 {
    writes.withLock { $0.append("\(path) \(text)") }
    for (end, number) in refusals where path.hasSuffix(end) { return number }
    let address = path.split(separator: "/").dropFirst(4).first.map(String.init) ?? ""
    if path.hasSuffix("/driver_override") { file(path, text) }
    if path.hasSuffix("/driver/unbind") { set(driver: nil, of: address) }
    if path.hasSuffix("/drivers_probe") {
      let wanted = tree.text("/sys/bus/pci/devices/\(text)/driver_override") ?? ""
      set(driver: wanted.isEmpty || wanted == "(null)" ? usual : wanted, of: text)
    }
    return 0
  }

  private func remove(_ path: String) {
    let kinds = SystemTree(root: "")
    for name in kinds.names(path) { remove("\(path)/\(name)") }
    if unsafe rmdir(path) != 0 { unlink(path) }
  }
}
