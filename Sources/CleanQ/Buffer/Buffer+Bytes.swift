internal import CPlatform

// Views of the bytes. Each lives no longer than the access to the buffer that it came from, and every subscript is
// checked, so none of this is unsafe for the caller.

extension Buffer {
  /// The valid bytes, to read.
  @inlinable
  public var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      // SAFETY: the invariant keeps the valid part inside the region; the borrow keeps it owned while the view lives.
      let start = unsafe UnsafeRawPointer(base).advanced(by: offset &+ headroom)
      let span = unsafe Span<UInt8>(_unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: validByteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The valid bytes, to change.
  @inlinable
  public var mutableBytes: MutableSpan<UInt8> {
    @_lifetime(&self)
    mutating get {
      // SAFETY: as for `bytes`; the exclusive access makes this the only view.
      let start = unsafe base.advanced(by: offset &+ headroom)
      let span = unsafe MutableSpan<UInt8>(
        _unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: validByteCount)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// All bytes of the buffer, headroom and tailroom included, to read.
  @inlinable
  public var storage: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      // SAFETY: the invariant keeps the whole buffer inside the region.
      let start = unsafe UnsafeRawPointer(base).advanced(by: offset)
      let span = unsafe Span<UInt8>(_unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// All bytes of the buffer, headroom and tailroom included, to change.
  @inlinable
  public var mutableStorage: MutableSpan<UInt8> {
    @_lifetime(&self)
    mutating get {
      // SAFETY: as for `storage`; the exclusive access makes this the only view.
      let start = unsafe base.advanced(by: offset)
      let span = unsafe MutableSpan<UInt8>(_unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: byteCount)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Asks the processor for the valid bytes behind the first `offset`, which will be read soon. A hint: nothing changes.
  ///
  /// - Complexity: O(number of cache lines).
  public func prefetch(from offset: Int) {
    let bytes = unsafe UnsafeRawPointer(base).advanced(by: self.offset &+ headroom)
    let end = unsafe bytes + validByteCount
    var line = unsafe bytes + offset
    while unsafe line < end {
      // SAFETY: a hint, for which any address will do.
      unsafe cplatform_prefetch_read(line)
      unsafe line += 64
    }
  }

  /// Copies bytes of another buffer's valid part behind this one's, reading each once.
  ///
  /// - Precondition: the other has `count` bytes from `offset` on, and this one has as much tailroom.
  /// - Complexity: O(number of bytes).
  @inlinable
  public mutating func append(_ count: Int, from offset: Int, of other: borrowing Buffer) {
    precondition(
      count >= 0 && offset >= 0 && offset <= other.validByteCount && count <= other.validByteCount &- offset
        && count <= tailroom, "bytes that one buffer does not have, or the other has no room for")
    let end = unsafe base.advanced(by: self.offset &+ headroom &+ validByteCount)
    let start = unsafe other.base.advanced(by: other.offset &+ other.headroom &+ offset)
    // SAFETY: both ranges are inside their buffers, checked above, and two buffers share no byte.
    unsafe end.copyMemory(from: start, byteCount: count)
    descriptor.shift(by: 0, to: validByteCount &+ count)
  }

  /// Reads a byte of each page. After EFAULT for this memory: a page of shared memory that a peer took away is
  /// replaced by a private one then, as where this process reads or writes it itself (``SharedPages``).
  ///
  /// - Complexity: O(number of pages of 4 KiB).
  public func touch() {
    let start = unsafe base.advanced(by: offset)
    // SAFETY: the invariant keeps the whole buffer inside the region.
    for place in stride(from: 0, to: byteCount, by: 4096) { unsafe _ = cplatform_fetch_8(start + place) }
    if byteCount > 0 { unsafe _ = cplatform_fetch_8(start + (byteCount - 1)) }
  }

  /// The address of the first valid byte, for a device or a system call that reads or writes there.
  ///
  /// SAFETY: valid while the user of the address owns the buffer; `byteCount - headroom` bytes may be touched.
  @unsafe
  @inlinable
  public var address: UnsafeMutableRawPointer { unsafe base.advanced(by: offset &+ headroom) }
}
