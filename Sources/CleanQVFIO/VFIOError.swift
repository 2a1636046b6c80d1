internal import CleanQ

/// Why a PCI function could not be had, or something was not to be done with it.
public struct VFIOError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: Equatable, Sendable {
    /// There is no such function.
    case notFound
    /// It is no network controller.
    case notNetwork
    /// No IOMMU stands between it and memory.
    case noIOMMU
    /// The kernel has no VFIO, or its modules are not loaded.
    case noVFIO
    /// Another driver has it, or none.
    case notBound(driver: String?)
    /// This file of the kernel's may not be opened.
    case permission(path: String)
    /// Other functions of its group, as `address (driver)`, keep a process from having it.
    case notViable(group: Int, blockers: [String])
    /// Another process has it, or its group.
    case busy(group: Int)
    /// An interface on it carries routes.
    case routed(interface: String, carrier: String)
    /// An interface on it is in another network namespace.
    case elsewhere(interface: String)
    /// After binding, this driver has it.
    case notTaken(driver: String?)
    /// The function lacks something.
    case unsupported(String)
    /// There is no free range of I/O addresses of that length.
    case noAddresses(byteCount: Int)
    /// The process may not lock that much memory.
    case lockedMemory(byteCount: Int)
    /// A call failed.
    case system(String)
  }

  public let address: String
  public let code: Code
  /// The operating system's error number, or 0.
  public let errno: Int32

  public init(_ address: PCIAddress, _ code: Code, errno: Int32 = 0) {
    self.init("\(address)", code, errno: errno)
  }

  init(_ subject: String, _ code: Code, errno: Int32 = 0) {
    address = subject
    self.code = code
    self.errno = errno
  }

  public var description: String { "\(address): \(message)" }

  /// What is wrong and what to do, without the address.
  public var message: String {
    switch code {
    case .notFound: "there is no such PCI function; cleanq devices lists those that there are"
    case .notNetwork: "this is no network controller; cleanq devices lists those that there are"
    case .noIOMMU:
      "no IOMMU guards this device; switch it on in the firmware and boot Linux with intel_iommu=on or amd_iommu=on"
    case .noVFIO: "this kernel offers no VFIO; run modprobe vfio-pci"
    case .notBound(let driver):
      "\(driver.map { "the driver \($0) has it" } ?? "no driver has it"); run cleanq devices bind \(address)"
    case .permission(let path): "no permission to open \(path); run as root, or give the file to your user"
    case .notViable(let group, let blockers):
      "IOMMU group \(group) also holds \(blockers.joined(separator: ", ")); "
        + "bind those to \(PCIFunction.userDriver) too, or unbind them"
    case .busy(let group): "another process has it, or a device of its IOMMU group \(group); end that process first"
    case .routed(let interface, let carrier):
      "its interface \(interface) is in use: there are routes by way of \(carrier); take them away, or use --force"
    case .elsewhere(let interface):
      "its interface \(interface) is in another network namespace, whose routes are not to be seen from here; "
        + "run this there, or use --force"
    case .notTaken(let driver):
      "it went to \(driver.map { "the driver \($0)" } ?? "no driver") instead; dmesg may say why"
    case .unsupported(let what): what
    case .noAddresses(let byteCount): "no run of \(byteCount) free I/O addresses is left; register smaller regions"
    case .lockedMemory(let byteCount):
      "the limit for locked memory does not allow \(byteCount) bytes more; raise it (ulimit -l), or run as root"
    case .system(let what): "\(what): \(systemErrorText(errno))"
    }
  }
}
