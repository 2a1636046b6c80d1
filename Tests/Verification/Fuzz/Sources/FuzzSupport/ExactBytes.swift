/// A copy in a heap block of exactly its length, so that the address sanitizer sees a read or write one byte too far.
@safe
public struct ExactBytes: ~Copyable {
  private let memory: UnsafeMutableBufferPointer<UInt8>

  public init(_ bytes: [UInt8]) {
    unsafe memory = .allocate(capacity: bytes.count)
    _ = unsafe memory.initialize(from: bytes)
  }

  deinit { unsafe memory.deallocate() }

  public var span: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      // SAFETY: the block lives as long as this value, and the borrow keeps it from being written.
      unsafe _overrideLifetime(Span(_unsafeElements: UnsafeBufferPointer(memory)), borrowing: self)
    }
  }

  public var mutableSpan: MutableSpan<UInt8> {
    @_lifetime(&self)
    mutating get {
      // SAFETY: as above, and the exclusive access makes this the only view.
      unsafe _overrideLifetime(MutableSpan(_unsafeElements: memory), mutating: &self)
    }
  }

  public var array: [UInt8] { unsafe Array(memory) }
}
