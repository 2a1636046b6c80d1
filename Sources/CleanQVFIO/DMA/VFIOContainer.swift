internal import CPlatform
internal import CleanQ
internal import CleanQPlatform
internal import Glibc
internal import Synchronization

/// An address space of the IOMMU: what the devices of its group can reach, and nothing else.
///
/// Source: Linux Documentation/driver-api/vfio.rst; linux/vfio.h, type 1 version 2. When the last file is closed, by any
/// end of the process, the kernel ends every mapping that is left.
final class VFIOContainer: Sendable {
  private struct State {
    var addresses: IOVAAllocator
    /// Length of each mapping, by its first I/O address.
    var mappings: [UInt64: UInt64] = [:]
  }

  private static let path = "/dev/vfio/vfio"
  private let subject: String
  private let file: OwnedFile
  private let state = Mutex(State(addresses: IOVAAllocator(ranges: [], pageByteCount: 4096)))

  init(for address: PCIAddress, in tree: SystemTree) throws(VFIOError) {
    subject = "\(address)"
    guard let file = OwnedFile(path: tree.path(Self.path)) else {
      let number = errno
      if number == EACCES || number == EPERM { throw VFIOError(address, .permission(path: Self.path), errno: number) }
      throw VFIOError(address, .noVFIO, errno: number)
    }
    self.file = file
    guard self.file.request(CPLATFORM_VFIO_GET_API_VERSION) == VFIO_API_VERSION,
      self.file.request(CPLATFORM_VFIO_CHECK_EXTENSION, Int(VFIO_TYPE1v2_IOMMU)) > 0
    else { throw VFIOError(address, .noVFIO) }
  }

  /// Puts a group into this address space, which is nothing before it has one.
  func adopt(_ group: borrowing OwnedFile) throws(VFIOError) {
    var number = file.number
    guard group.request(CPLATFORM_VFIO_GROUP_SET_CONTAINER, &number) == 0 else {
      throw VFIOError(subject, .system("cannot give its group an address space"), errno: errno)
    }
    guard file.request(CPLATFORM_VFIO_SET_IOMMU, Int(VFIO_TYPE1v2_IOMMU)) == 0 else {
      throw VFIOError(subject, .system("cannot set the IOMMU up"), errno: errno)
    }
    let addresses = try reportedAddresses()
    state.withLock { $0.addresses = addresses }
  }

  /// The addresses that the IOMMU translates. A kernel before 5.4 does not say; then what every IOMMU does is taken.
  private func reportedAddresses() throws(VFIOError) -> IOVAAllocator {
    var words = [UInt32](repeating: 0, count: 256)
    // The kernel says in the first word how long the answer is, and is asked again where that is longer.
    for _ in 0..<2 {
      words[0] = UInt32(words.count * 4)
      guard file.request(CPLATFORM_VFIO_IOMMU_GET_INFO, words: &words) == 0 else {
        throw VFIOError(subject, .system("cannot ask the IOMMU"), errno: errno)
      }
      if Int(words[0]) <= words.count * 4 { break }
      words = [UInt32](repeating: 0, count: Int(min(words[0], 1 << 20)) / 4 + 1)
    }
    let ranges = InfoChain.addressRanges(words)
    return IOVAAllocator(ranges: ranges.isEmpty ? [0x10_0000...0x7FFF_FFFF] : ranges, pageByteCount: 4096)
  }

  /// Makes a region's pages reachable for the devices, for reading and writing.
  ///
  /// - Returns: the I/O address of the region's first byte.
  func map(_ region: borrowing Region) throws(VFIOError) -> UInt64 {
    let byteCount = UInt64(region.mappedByteCount)
    let base = UInt64(region.address)
    // Aligned as the memory is, so that the IOMMU can use its large pages too.
    let alignment = UInt64(byteCount >= 2 << 20 ? 2 << 20 : 4096)
    let taken = state.withLock { $0.addresses.take(byteCount: byteCount, alignment: alignment) }
    guard let first = taken else { throw VFIOError(subject, .noAddresses(byteCount: Int(byteCount))) }
    var request = vfio_iommu_type1_dma_map()
    request.argsz = UInt32(MemoryLayout<vfio_iommu_type1_dma_map>.size)
    request.flags = UInt32(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
    request.vaddr = base
    request.iova = first
    request.size = byteCount
    // The kernel pins the pages: also where the region goes first, the device writes to no memory that is used anew.
    guard file.request(CPLATFORM_VFIO_IOMMU_MAP_DMA, &request) == 0 else {
      let number = errno
      state.withLock { $0.addresses.give(first, byteCount: byteCount) }
      if number == ENOMEM { throw VFIOError(subject, .lockedMemory(byteCount: Int(byteCount)), errno: number) }
      throw VFIOError(subject, .system("cannot map \(byteCount) bytes for it"), errno: number)
    }
    state.withLock { $0.mappings[first] = byteCount }
    return first
  }

  /// Ends a mapping: an access by a device faults from now on, and the pages are unpinned.
  func unmap(_ first: UInt64) throws(VFIOError) {
    guard let byteCount = state.withLock({ $0.mappings.removeValue(forKey: first) }) else {
      throw VFIOError(subject, .system("nothing is mapped at I/O address \(first)"), errno: EINVAL)
    }
    var request = [UInt32](repeating: 0, count: 6)
    request[0] = 24
    for (index, value) in [(2, first), (4, byteCount)] {
      request[index] = UInt32(truncatingIfNeeded: value)
      request[index + 1] = UInt32(truncatingIfNeeded: value >> 32)
    }
    guard file.request(CPLATFORM_VFIO_IOMMU_UNMAP_DMA, words: &request) == 0 else {
      let number = errno
      state.withLock { $0.mappings[first] = byteCount }
      throw VFIOError(subject, .system("cannot unmap \(byteCount) bytes"), errno: number)
    }
    state.withLock { $0.addresses.give(first, byteCount: byteCount) }
  }

  var mappingCount: Int { state.withLock { $0.mappings.count } }
}
