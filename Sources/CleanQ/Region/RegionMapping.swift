internal import CPlatform
internal import Glibc

/// What stands behind a region's bytes.
public enum RegionBacking: Equatable, Sendable {
  /// Memory of this process only.
  case anonymous
  /// A memfd, which can be handed to another process over a socket. It is sealed: that process can make it neither shorter nor
  /// longer.
  case shared
}

/// Which pages a region asks for.
public enum RegionPages: Equatable, Sendable {
  /// 2 MiB pages where the region is at least one of them long and the system has enough reserved, else ordinary ones.
  case automatic
  /// Ordinary pages only.
  case ordinary
}

/// A mapping of zeroed memory with the lines of its metadata in front; unmapped, and its file closed, when the value goes.
///
/// The lines are memory of this process, whatever the region is: neither a device nor a peer ever maps them.
@safe
struct RegionMapping: ~Copyable, @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  let pageByteCount: Int
  /// Bytes in front of ``base`` for metadata, in whole pages.
  private let metadataByteCount: Int
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
      let fileFlags = CPLATFORM_MFD_CLOEXEC | CPLATFORM_MFD_ALLOW_SEALING | (huge ? CPLATFORM_MFD_HUGETLB_2MB : 0)
      file = unsafe cplatform_memfd_create("cleanq", fileFlags)
      guard file >= 0 else { throw RegionError(.system, errno: errno, context: "memfd_create") }
      guard ftruncate(file, rounded) == 0 else {
        let number = errno
        close(file)
        throw RegionError(.system, errno: number, context: "ftruncate of \(rounded) bytes")
      }
      guard cplatform_seal_size(file) == 0 else {
        let number = errno
        close(file)
        throw RegionError(.seal, errno: number)
      }
      flags = MAP_SHARED
    } else if huge {
      flags |= CPLATFORM_MAP_HUGE_2MB
    }
    let metadataByteCount = MetadataLine.byteCount(ofRegion: rounded)
    let alignment = rounded >= Self.hugePageByteCount ? Self.hugePageByteCount : pageByteCount
    let address = unsafe Self.reserve(rounded, behind: metadataByteCount, alignment: alignment)
    guard let address = unsafe address else {
      let number = errno
      if file >= 0 { close(file) }
      throw RegionError(.system, errno: number, context: "mmap of \(rounded) bytes")
    }
    // SAFETY: the range was reserved for this; nothing else knows of it.
    guard unsafe mmap(address, rounded, PROT_READ | PROT_WRITE, flags | MAP_FIXED, file, 0) != MAP_FAILED else {
      let number = errno
      _ = unsafe munmap(address - metadataByteCount, metadataByteCount + rounded)
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
    self.metadataByteCount = metadataByteCount
    self.file = file
  }

  /// Reserves room for a region at a multiple of `alignment`, and makes the bytes right in front of it ready for metadata.
  ///
  /// - Returns: where the region is to be mapped; nil, with `errno` set, where the kernel has no room.
  private static func reserve(_ byteCount: Int, behind metadataByteCount: Int, alignment: Int)
    -> UnsafeMutableRawPointer?
  {
    let whole = metadataByteCount + byteCount + alignment
    // SAFETY: a fresh mapping at an address of the kernel's choice; nothing else knows of it, and what is unmapped is part of it.
    let start = unsafe mmap(nil, whole, PROT_NONE, CPLATFORM_MAP_ANONYMOUS, -1, 0)
    guard let start = unsafe start, unsafe start != MAP_FAILED else { return nil }
    let base = unsafe (start + metadataByteCount).alignedUp(toMultipleOf: alignment)
    let slack = unsafe base - metadataByteCount - start
    if slack > 0 { _ = unsafe munmap(start, slack) }
    if slack < alignment { _ = unsafe munmap(base + byteCount, alignment - slack) }
    guard unsafe mprotect(base - metadataByteCount, metadataByteCount, PROT_READ | PROT_WRITE) == 0 else {
      let number = errno
      _ = unsafe munmap(base - metadataByteCount, metadataByteCount + byteCount)
      errno = number
      return nil
    }
    return unsafe base
  }

  /// Puts a page of the file where a private one took its place, with what the private one contains.
  ///
  /// The file's page is mapped and filled elsewhere and then moved, so that other threads find one or the other. What they
  /// write to the page meanwhile may be lost; what the file's page contained is lost in any case.
  ///
  /// - Parameters:
  ///   - offset: of the page's first byte.
  ///   - watch: the number of the watch over this mapping.
  /// - Returns: 0, or the error number that says why the page does not exist: ENOMEM where no hugepage is free.
  func restorePage(at offset: Int, watch: Int32) -> Int32 {
    // SAFETY: fresh mappings at addresses of the kernel's choice; nothing else knows of them. The second is long enough for a
    // whole page at a multiple of its length.
    let page = unsafe mmap(nil, pageByteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, off_t(offset))
    guard let page = unsafe page, unsafe page != MAP_FAILED else { return errno }
    let space = unsafe mmap(nil, 2 * pageByteCount, PROT_NONE, CPLATFORM_MAP_ANONYMOUS, -1, 0)
    guard let space = unsafe space, unsafe space != MAP_FAILED else {
      let number = errno
      _ = unsafe munmap(page, pageByteCount)
      return number
    }
    // Linux before 5.16 does not move hugepages, and unmaps the destination before it says so; so they are moved twice.
    let place = unsafe space.alignedUp(toMultipleOf: pageByteCount)
    let canMove = unsafe cplatform_move_mapping(page, pageByteCount, place) != MAP_FAILED
    var failure = canMove ? 0 : errno
    if canMove { failure = unsafe fill(place, from: offset) }
    // SAFETY: both are whole pages, of which the second is this mapping's own, and a private one.
    if failure == 0, unsafe cplatform_move_mapping(place, pageByteCount, base + offset) == MAP_FAILED {
      failure = errno
    }
    if failure == 0 { cplatform_watch_restored(watch, offset / pageByteCount) }
    // SAFETY: what is left of the fresh mappings, and nothing that was moved away, where another thread may have mapped something.
    if !canMove { _ = unsafe munmap(page, pageByteCount) }
    if canMove, failure != 0 { _ = unsafe munmap(place, pageByteCount) }
    if unsafe place > space { _ = unsafe munmap(space, place - space) }
    _ = unsafe munmap(place + pageByteCount, space + pageByteCount - place)
    return failure
  }

  /// Makes a page of the file present, and copies what the mapping has at `offset` into it.
  ///
  /// - Returns: 0, or why not: the peer may take it away again at any moment.
  private func fill(_ page: UnsafeMutableRawPointer, from offset: Int) -> Int32 {
    guard unsafe madvise(page, pageByteCount, CPLATFORM_MADV_POPULATE_WRITE) == 0 else { return errno }
    let watch = unsafe cplatform_watch(page, pageByteCount, pageByteCount)
    guard watch >= 0 else { return errno }
    defer { cplatform_watch_end(watch) }
    // SAFETY: both are mapped, and as long as a page.
    unsafe page.copyMemory(from: base + offset, byteCount: pageByteCount)
    return cplatform_watch_lost_pages(watch) == 0 ? 0 : ENOMEM
  }

  deinit {
    // SAFETY: the mapping is this value's own, and the directory keeps it for as long as a buffer names its bytes.
    _ = unsafe munmap(base - metadataByteCount, metadataByteCount + byteCount)
    if file >= 0 { close(file) }
  }
}
