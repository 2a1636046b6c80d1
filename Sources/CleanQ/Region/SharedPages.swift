internal import CPlatform

/// The pages of a region that another process maps too, and can take away.
///
/// The memfd is sealed, so the other process cannot cut it off. It can still punch holes. In ordinary pages a hole reads as zeros,
/// which that process may write anyway. A hugepage that went is a SIGBUS when no other one is free; so while shared regions
/// exist a handler puts private pages where those went. Then the processes do not see each other's bytes there any more: whoever
/// shares the region asks for ``lostByteCount`` when ``PageBell`` rings, ends what he has in common with the other process, and
/// calls ``restore()``.
///
/// `F_SEAL_FUTURE_WRITE` would forbid the holes, and would forbid a peer that starts again to map the memory, too.
///
/// Sendable.
public final class SharedPages: Sendable {
  private let control: RegionControl
  private let watch: Int32

  fileprivate init(_ control: RegionControl) throws(RegionError) {
    watch = try control.watch()
    self.control = control
  }

  /// Bytes of pages that are private ones now.
  public var lostByteCount: Int { Int(cplatform_watch_lost_pages(watch)) * control.mapping.pageByteCount }

  /// Puts shared pages where private ones are, with the contents of those. The other process must not be using the region: it
  /// sees what the private pages contained.
  ///
  /// Bytes that other threads write to these pages meanwhile may be lost.
  ///
  /// - Returns: 0 where all are shared again, else the system's error number: ENOMEM while no hugepage is free.
  /// - Complexity: O(pages of the region), and a copy of each that is restored.
  public func restore() -> Int32 {
    var from = 0
    while case let page = cplatform_watch_next_lost_page(watch, from), page >= 0 {
      let failure = control.mapping.restorePage(at: page * control.mapping.pageByteCount, watch: watch)
      guard failure == 0 else { return failure }
      from = page + 1
    }
    return 0
  }
}

extension Region {
  /// Prepares a `.shared` region for another process: to be called before its file is sent. From then on a page that this process
  /// takes away does not end the process, until the region's memory is unmapped.
  ///
  /// - Throws: `notShared`; `system` where SIGBUS cannot be handled, or for too many regions.
  public func share() throws(RegionError) -> SharedPages {
    guard fileDescriptor != nil else { throw RegionError(.notShared) }
    return try SharedPages(control)
  }
}

/// Signals an eventfd whenever a page of any shared region of the process is lost, until it goes. Sendable.
public final class PageBell: Sendable {
  private let number: Int32

  /// - Parameter file: an eventfd that does not block, which no other process has and which outlives the bell.
  /// - Returns: nil, with `errno` set, where the process has 128 of them.
  public init?(signaling file: Int32) {
    number = cplatform_bell_add(file)
    if number < 0 { return nil }
  }

  deinit { if number >= 0 { cplatform_bell_end(number) } }
}
