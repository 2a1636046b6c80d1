/// A range of memory from which buffers are carved and which queues accept by registration.
///
/// The holder of the `Region` owns all of its bytes that no ``Buffer`` names. Carve buffers with
/// ``buffer(byteCount:alignment:)``, register the region with a queue, and the buffers can travel. A buffer that goes out
/// of scope anywhere returns its bytes to the region, and is counted (``leakedBufferCount``).
///
/// Sendable: every method may be called from any thread. None is meant for the data path: each takes a lock.
public struct Region: ~Copyable, Sendable {
  /// The longest region: 256 GiB.
  public static let maximumByteCount = 1 << 38

  let control: RegionControl

  /// Maps zeroed memory for a new region.
  ///
  /// - Parameters:
  ///   - byteCount: the size, 1 ... ``maximumByteCount``.
  ///   - backing: memory of this process, or a memfd that another process can map.
  ///   - pages: hugepages where there are any, or ordinary pages.
  /// - Throws: `badSize`, `system` where the kernel has no memory for it, `tooMany`.
  public init(
    byteCount: Int, backing: RegionBacking = .anonymous, pages: RegionPages = .automatic
  ) throws(RegionError) {
    guard byteCount > 0, byteCount <= Self.maximumByteCount else {
      throw RegionError(.badSize, context: "\(byteCount)")
    }
    control = try RegionDirectory.make(byteCount: byteCount, backing: backing, pages: pages)
  }

  deinit {
    // With buffers out, the directory keeps the memory until the last of them is returned.
    let isIdle = control.state.withLock { state in
      state.isOrphan = true
      return state.home.byteCount == control.byteCount
    }
    if isIdle { RegionDirectory.retire(control.id) }
  }

  /// The region's name, never used again after its release.
  public var id: RegionID { control.id }

  /// The number of bytes that buffers may name.
  public var byteCount: Int { control.byteCount }

  /// The size of the pages behind the region: 2 MiB if hugepages were available.
  public var pageByteCount: Int { control.mapping.pageByteCount }

  /// The address of the region's first byte in this process, for those who make the region reachable for a device. Valid for
  /// as long as the region or a registration of it lives.
  public var address: UInt {
    // SAFETY: the address is not followed here.
    unsafe UInt(bitPattern: control.mapping.base)
  }

  /// The length of the mapping from ``address`` on: ``byteCount`` in whole pages.
  public var mappedByteCount: Int { control.mapping.byteCount }

  /// The memfd behind a `.shared` region, owned by the region; nil for an anonymous one. It is sealed; before another process
  /// gets it, call ``share()``.
  public var fileDescriptor: Int32? { control.mapping.file >= 0 ? control.mapping.file : nil }

  /// The bytes that buffers name at this moment, wherever those buffers are.
  public var liveByteCount: Int { control.byteCount - control.state.withLock { $0.home.byteCount } }

  /// The buffers that exist at this moment, wherever they are.
  public var liveBufferCount: Int { control.state.withLock { $0.liveBuffers } }

  /// How many buffers were returned because they went out of scope, since the region was made.
  public var leakedBufferCount: Int { control.state.withLock { $0.leakedBuffers } }

  /// How many queues have the region registered.
  public var registrationCount: Int { control.state.withLock { $0.registrations } }

  /// Carves a buffer from bytes that no buffer names.
  ///
  /// - Parameters:
  ///   - byteCount: its length, 1 ... 2³²-1.
  ///   - alignment: the offset of its first byte is a multiple of this.
  /// - Returns: the buffer, owned by the caller, its valid part empty; nil where no run of bytes is long enough.
  /// - Complexity: O(number of gaps between buffers).
  public func buffer(byteCount: Int, alignment: Int = 64) -> Buffer? {
    guard byteCount > 0, byteCount <= Int(UInt32.max), alignment > 0 else { return nil }
    return control.take(byteCount: byteCount, alignment: alignment)
  }

  /// Ends the region: its id is dead and its memory is given back.
  ///
  /// - Returns: nil when it is done; else the region as it was, with `inUse` while a buffer exists or `registered` while
  ///   a queue has it.
  public consuming func release() -> Refused<Region, RegionError>? {
    let fault = control.state.withLock { state -> RegionError? in
      let outside = control.byteCount - state.home.byteCount
      if outside > 0 { return RegionError(.inUse(byteCount: outside)) }
      if state.registrations > 0 { return RegionError(.registered(queueCount: state.registrations)) }
      return nil
    }
    guard let fault else { return nil }
    return Refused(self, fault)
  }
}
