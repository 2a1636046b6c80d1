internal import CPlatform
internal import CleanQPlatform
internal import Glibc
internal import Synchronization

/// An IOMMU group that this process has, and the address space of its devices.
///
/// The kernel lets a group be opened once; so the devices of one group that this process uses share one object.
final class VFIOGroup: Sendable {
  private struct Weak {
    weak var group: VFIOGroup?
  }

  private static let opened = Mutex([Int: Weak]())

  // In the order in which they go: the group before its address space.
  private let file: OwnedFile
  let container: VFIOContainer
  let number: Int

  /// The group of a function.
  static func having(_ function: PCIFunction, in tree: SystemTree) throws(VFIOError) -> VFIOGroup {
    guard let number = function.group else { throw VFIOError(function.address, .noIOMMU) }
    let result = opened.withLock { opened -> Result<VFIOGroup, VFIOError> in
      if let group = opened[number]?.group { return .success(group) }
      do throws(VFIOError) {
        let group = try VFIOGroup(number, of: function, in: tree)
        opened[number] = Weak(group: group)
        return .success(group)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private init(_ number: Int, of function: PCIFunction, in tree: SystemTree) throws(VFIOError) {
    let address = function.address
    self.number = number
    container = try VFIOContainer(for: address, in: tree)
    let path = "/dev/vfio/\(number)"
    guard let file = OwnedFile(path: tree.path(path)) else {
      switch errno {
      case EACCES, EPERM: throw VFIOError(address, .permission(path: path), errno: errno)
      case EBUSY: throw VFIOError(address, .busy(group: number), errno: EBUSY)
      default: throw VFIOError(address, .system("cannot open \(path)"), errno: errno)
      }
    }
    self.file = file
    var status = vfio_group_status()
    status.argsz = UInt32(MemoryLayout<vfio_group_status>.size)
    guard self.file.request(CPLATFORM_VFIO_GROUP_GET_STATUS, &status) == 0 else {
      throw VFIOError(address, .system("cannot ask its group"), errno: errno)
    }
    guard status.flags & UInt32(VFIO_GROUP_FLAGS_VIABLE) != 0 else { throw Self.notViable(function, in: tree) }
    try container.adopt(self.file)
  }

  static func notViable(_ function: PCIFunction, in tree: SystemTree) -> VFIOError {
    let blockers = function.blockers(in: tree).map { "\($0.address) (\($0.driver ?? "no driver"))" }
    return VFIOError(function.address, .notViable(group: function.group ?? -1, blockers: blockers))
  }

  /// Opens a device of the group.
  func open(_ address: PCIAddress) throws(VFIOError) -> OwnedFile {
    // SAFETY: the string is alive for the call.
    let number = unsafe "\(address)".withCString { name in
      unsafe cplatform_ioctl_pointer(
        file.number, CPLATFORM_VFIO_GROUP_GET_DEVICE_FD, UnsafeMutableRawPointer(mutating: name))
    }
    guard number >= 0 else { throw VFIOError(address, .system("cannot open the device"), errno: errno) }
    return OwnedFile(owning: number)
  }
}
