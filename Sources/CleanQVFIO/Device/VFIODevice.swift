internal import CPlatform
public import CleanQ
internal import CleanQPlatform
internal import Glibc
internal import Synchronization

/// A PCI function that this process drives.
///
/// The function is bound to `vfio-pci`; see ``DriverBinding``. When the object goes, and when the process ends in any
/// way, the kernel stops the function's interrupts and bus mastering, resets it where it can, and unmaps its memory.
///
/// Sendable: set-up calls may come from any thread. ``Registers`` are for the data path.
public final class VFIODevice: Sendable {
  /// One of a function's regions: a BAR, the configuration space.
  struct Region {
    var flags: UInt32
    var byteCount: UInt64
    /// Where it begins in the device's file.
    var fileOffset: UInt64
  }

  // In the order in which they go: mappings, the function, its group.
  /// The BARs that have been mapped.
  private let mapped = Mutex([Int: MappedBAR]())
  let file: OwnedFile
  let group: VFIOGroup
  public let function: PCIFunction
  private let configuration: Region
  private let canReset: Bool

  /// The function's address.
  public var address: PCIAddress { function.address }

  /// Takes a function that is bound to `vfio-pci`.
  ///
  /// - Throws: which of the things that have to be so is not so, and what to do about it.
  public init(_ address: PCIAddress, in tree: SystemTree = .machine) throws(VFIOError) {
    guard let function = PCIFunction(address, in: tree) else { throw VFIOError(address, .notFound) }
    guard function.group != nil else { throw VFIOError(address, .noIOMMU) }
    guard function.driver == PCIFunction.userDriver else {
      throw VFIOError(address, .notBound(driver: function.driver))
    }
    if !function.blockers(in: tree).isEmpty { throw VFIOGroup.notViable(function, in: tree) }
    self.function = function
    group = try VFIOGroup.having(function, in: tree)
    file = try group.open(address)
    var info = vfio_device_info()
    info.argsz = UInt32(MemoryLayout<vfio_device_info>.size)
    guard file.request(CPLATFORM_VFIO_DEVICE_GET_INFO, &info) == 0 else {
      throw VFIOError(address, .system("cannot ask the device"), errno: errno)
    }
    canReset = info.flags & UInt32(VFIO_DEVICE_FLAGS_RESET) != 0
    configuration = try Self.region(Int(VFIO_PCI_CONFIG_REGION_INDEX), of: file, address)
  }

  private static func region(
    _ index: Int, of file: borrowing OwnedFile, _ address: PCIAddress
  ) throws(VFIOError) -> Region {
    var info = vfio_region_info()
    info.argsz = UInt32(MemoryLayout<vfio_region_info>.size)
    info.index = UInt32(index)
    guard file.request(CPLATFORM_VFIO_DEVICE_GET_REGION_INFO, &info) == 0 else {
      throw VFIOError(address, .system("cannot ask for region \(index)"), errno: errno)
    }
    return Region(flags: info.flags, byteCount: info.size, fileOffset: info.offset)
  }

  /// Maps a memory BAR; the second time it is the same mapping.
  ///
  /// - Throws: `unsupported` where there is none, it is of I/O ports, or the kernel does not let all of it be mapped (before
  ///   Linux 4.16: one that holds the table of interrupt vectors).
  public func bar(_ index: Int) throws(VFIOError) -> Registers {
    guard (0..<6).contains(index) else { throw VFIOError(address, .unsupported("it has no BAR \(index)")) }
    if let mapping = mapped.withLock({ $0[index] }) { return mapping.registers }
    let region = try Self.region(index, of: file, address)
    guard region.byteCount > 0 else { throw VFIOError(address, .unsupported("it has no BAR \(index)")) }
    // Bit 0 of the register: the addresses are those of I/O ports. § 6.2.5.1
    if try readConfiguration(offset: 0x10 + 4 * index, byteCount: 4)[0] & 1 != 0 {
      throw VFIOError(
        address,
        .unsupported(
          "BAR \(index) is a range of I/O ports, which no process can map; a device with registers in memory is needed")
      )
    }
    guard region.byteCount <= 1 << 40, region.flags & UInt32(VFIO_REGION_INFO_FLAG_MMAP) != 0 else {
      throw VFIOError(address, .unsupported("BAR \(index) is no memory that the kernel lets a process map"))
    }
    // SAFETY: a fresh mapping at an address of the kernel's choice, which `MappedBAR` takes over.
    let base = unsafe mmap(
      nil, Int(region.byteCount), PROT_READ | PROT_WRITE, MAP_SHARED, file.number, Int(region.fileOffset))
    guard let base = unsafe base, unsafe base != MAP_FAILED else {
      throw VFIOError(address, .system("cannot map BAR \(index)"), errno: errno)
    }
    let mapping = unsafe MappedBAR(base: base, byteCount: Int(region.byteCount))
    return mapped.withLock { mapped in
      let kept = mapped[index] ?? mapping
      mapped[index] = kept
      return kept.registers
    }
  }

  /// Makes a region's bytes reachable for the device.
  ///
  /// - Returns: the I/O address of the region's first byte, for descriptors.
  public func map(_ region: borrowing CleanQ.Region) throws(VFIOError) -> UInt64 { try group.container.map(region) }

  /// Ends ``map(_:)``; the device has let go of the region's bytes.
  ///
  /// - Parameter address: what `map` returned.
  public func unmap(_ address: UInt64) throws(VFIOError) { try group.container.unmap(address) }

  /// How many mappings the devices of the group have.
  public var mappingCount: Int { group.container.mappingCount }

  /// Resets the function as a whole.
  ///
  /// - Returns: false where it knows no reset; its own registers may have one.
  public func reset() throws(VFIOError) -> Bool {
    guard canReset else { return false }
    guard file.request(CPLATFORM_VFIO_DEVICE_RESET) == 0 else {
      throw VFIOError(address, .system("cannot reset the device"), errno: errno)
    }
    return true
  }

  // MARK: Configuration space

  /// Bytes of the configuration space.
  public func readConfiguration(offset: Int, byteCount: Int) throws(VFIOError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let place = try place(offset, byteCount)
    // SAFETY: the array outlives the call and its count is passed with it.
    guard unsafe pread(file.number, &bytes, byteCount, place) == byteCount else {
      throw VFIOError(address, .system("cannot read its configuration space"), errno: errno)
    }
    return bytes
  }

  /// Writes bytes of the configuration space, as one access where they are one, two or four.
  public func writeConfiguration(offset: Int, _ bytes: [UInt8]) throws(VFIOError) {
    let place = try place(offset, bytes.count)
    // SAFETY: the array outlives the call and its count is passed with it.
    guard unsafe pwrite(file.number, bytes, bytes.count, place) == bytes.count else {
      throw VFIOError(address, .system("cannot write its configuration space"), errno: errno)
    }
  }

  private func place(_ offset: Int, _ byteCount: Int) throws(VFIOError) -> Int {
    guard offset >= 0, byteCount > 0, byteCount <= 4096, UInt64(offset) + UInt64(byteCount) <= configuration.byteCount
    else {
      throw VFIOError(address, .unsupported("its configuration space has no \(byteCount) bytes at \(offset)"))
    }
    return Int(configuration.fileOffset) + offset
  }

  /// The chain of capabilities.
  public func capabilities() throws(VFIOError) -> [PCICapability] {
    PCICapability.all(in: try readConfiguration(offset: 0, byteCount: 256))
  }

  /// Lets the function read and write memory by itself, or stops it. Source: [PCI Local Bus 3.0 § 6.2.2], command, bit 2.
  public func setBusMaster(_ isOn: Bool) throws(VFIOError) {
    var command = try readConfiguration(offset: 0x04, byteCount: 2)
    // Bit 1: it answers to accesses of its memory BARs.
    command[0] = isOn ? command[0] | 0x06 : command[0] & ~0x04
    try writeConfiguration(offset: 0x04, command)
  }
}
