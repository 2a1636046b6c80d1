internal import CPlatform
internal import Glibc

/// What stands behind a region's bytes.
public enum RegionBacking: Equatable, Sendable {
  /// Memory of this process only.
  case anonymous
  /// A memfd, which can be handed to another process over a socket.
  case shared
}

/// Which pages a region asks for.
public enum RegionPages: Equatable, Sendable {
  /// 2 MiB pages where the region is at least one of them long and the system has enough reserved, else ordinary ones.
  case automatic
  /// Ordinary pages only.
  case ordinary
}

/// A mapping of zeroed memory; unmapped, and its file closed, when the value goes.
@safe
struct RegionMapping: ~Copyable, @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  let pageByteCount: Int
  /// The memfd, or -1.
  let file: Int32

  static let hugePageByteCount = 2 << 20

  init(byteCount: Int, backing: RegionBacking, pages: RegionPages) throws(RegionError) {
    if pages == .automatic, byteCount >= Self.hugePageByteCount,
      let mapping = try? RegionMapping(byteCount: byteCount, backing: backing, huge: true)
    {
      self = mapping
    } else {
      try self.init(byteCount: byteCount, backing: backing, huge: false)
    }
  }

  private init(byteCount: Int, backing: RegionBacking, huge: Bool) throws(RegionError) {
    let pageByteCount = huge ? Self.hugePageByteCount : Int(sysconf(Int32(_SC_PAGESIZE)))
    let rounded = (byteCount + pageByteCount - 1) / pageByteCount * pageByteCount
    var flags = CPLATFORM_MAP_ANONYMOUS
    var file: Int32 = -1
    if backing == .shared {
      let fileFlags = CPLATFORM_MFD_CLOEXEC | (huge ? CPLATFORM_MFD_HUGETLB_2MB : 0)
      file = unsafe cplatform_memfd_create("cleanq", fileFlags)
      guard file >= 0 else { throw RegionError(.system, errno: errno, context: "memfd_create") }
      guard ftruncate(file, rounded) == 0 else {
        let number = errno
        close(file)
        throw RegionError(.system, errno: number, context: "ftruncate of \(rounded) bytes")
      }
      flags = MAP_SHARED
    } else if huge {
      flags |= CPLATFORM_MAP_HUGE_2MB
    }
    // SAFETY: a fresh mapping at an address of the kernel's choice; nothing else knows of it.
    let address = unsafe mmap(nil, rounded, PROT_READ | PROT_WRITE, flags, file, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      let number = errno
      if file >= 0 { close(file) }
      throw RegionError(.system, errno: number, context: "mmap of \(rounded) bytes")
    }
    if !huge, backing == .anonymous, rounded >= Self.hugePageByteCount {
      // A wish, not a need: the kernel may back the range with huge pages that nobody reserved.
      _ = unsafe madvise(address, rounded, CPLATFORM_MADV_HUGEPAGE)
    }
    unsafe self.base = address
    self.byteCount = rounded
    self.pageByteCount = pageByteCount
    self.file = file
  }

  deinit {
    // SAFETY: the mapping is this value's own, and the directory keeps it for as long as a buffer names its bytes.
    _ = unsafe munmap(base, byteCount)
    if file >= 0 { close(file) }
  }
}
