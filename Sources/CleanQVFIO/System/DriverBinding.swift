internal import Glibc

/// Hands PCI functions from their kernel driver to `vfio-pci`, and back.
///
/// Source: Linux Documentation/ABI/testing/sysfs-bus-pci, `driver_override`: only the driver named there may have the
/// function, and it may have it even if it does not support the ids.
public struct DriverBinding: Sendable {
  private let tree: SystemTree

  public init(in tree: SystemTree = .machine) { self.tree = tree }

  /// Gives a NIC to `vfio-pci`. Does nothing where that has it.
  ///
  /// - Parameter force: also where the NIC carries routes.
  /// - Returns: the other members of its group that still keep a process from having it.
  /// - Throws: why not; the NIC is then back with the driver that it had.
  @discardableResult
  public func bind(_ address: PCIAddress, force: Bool = false) throws(VFIOError) -> [PCIFunction] {
    let function = try network(address)
    guard function.group != nil else { throw VFIOError(address, .noIOMMU) }
    if function.driver == PCIFunction.userDriver { return function.blockers(in: tree) }
    guard tree.exists("/sys/bus/pci/drivers/\(PCIFunction.userDriver)") else { throw VFIOError(address, .noVFIO) }
    if !force { try refuseRouted(function) }
    try set(override: PCIFunction.userDriver, of: address)
    do throws(VFIOError) {
      try release(function)
      try probe(address)
      let driver = PCIFunction(address, in: tree)?.driver
      guard driver == PCIFunction.userDriver else { throw VFIOError(address, .notTaken(driver: driver)) }
    } catch {
      // What took the override a moment ago takes it back; the first failure is the one to tell of.
      try? set(override: nil, of: address)
      try? probe(address)
      throw error
    }
    return function.blockers(in: tree)
  }

  /// Gives a NIC back to the kernel's own driver. Does nothing where `vfio-pci` does not have it.
  ///
  /// - Parameter force: also where a process has it; that process is asked to let go, and this call waits for it.
  /// - Returns: the driver that has it now; nil where none wants it.
  @discardableResult
  public func unbind(_ address: PCIAddress, force: Bool = false) throws(VFIOError) -> String? {
    let function = try network(address)
    guard function.driver == PCIFunction.userDriver else { return function.driver }
    if !force, let group = function.group, isOpen(group: group) { throw VFIOError(address, .busy(group: group)) }
    try set(override: nil, of: address)
    try release(function)
    try probe(address)
    return PCIFunction(address, in: tree)?.driver
  }

  private func network(_ address: PCIAddress) throws(VFIOError) -> PCIFunction {
    guard let function = PCIFunction(address, in: tree) else { throw VFIOError(address, .notFound) }
    guard function.isNetworkController else { throw VFIOError(address, .notNetwork) }
    return function
  }

  private func refuseRouted(_ function: PCIFunction) throws(VFIOError) {
    let routed = RoutedInterfaces(in: tree)
    for interface in function.interfaces {
      if routed.isElsewhere(interface) { throw VFIOError(function.address, .elsewhere(interface: interface)) }
      guard let carrier = routed.carrier(of: interface) else { continue }
      throw VFIOError(function.address, .routed(interface: interface, carrier: carrier))
    }
  }

  /// A group opens for one process at a time.
  private func isOpen(group: Int) -> Bool {
    // SAFETY: the string outlives the call.
    let file = unsafe open(tree.path("/dev/vfio/\(group)"), O_RDWR | O_CLOEXEC)
    if file >= 0 { close(file) }
    return file < 0 && errno == EBUSY
  }

  private func set(override driver: String?, of address: PCIAddress) throws(VFIOError) {
    try write((driver ?? "") + "\n", to: "\(PCIFunction.folder(address))/driver_override", of: address)
  }

  private func release(_ function: PCIFunction) throws(VFIOError) {
    guard function.driver != nil else { return }
    try write("\(function.address)", to: "\(PCIFunction.folder(function.address))/driver/unbind", of: function.address)
  }

  private func probe(_ address: PCIAddress) throws(VFIOError) {
    try write("\(address)", to: "/sys/bus/pci/drivers_probe", of: address)
  }

  private func write(_ text: String, to path: String, of address: PCIAddress) throws(VFIOError) {
    let number = tree.write(text, to: path)
    if number == EACCES || number == EPERM { throw VFIOError(address, .permission(path: path), errno: number) }
    if number != 0 { throw VFIOError(address, .system("cannot write to \(path)"), errno: number) }
  }
}
