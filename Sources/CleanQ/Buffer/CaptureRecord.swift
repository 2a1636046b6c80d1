/// What a capture says of a packet beside its bytes.
@frozen
public struct CaptureRecord: Equatable, Sendable {
  /// When it was captured, since 1970-01-01 00:00 UTC.
  public var seconds: Int64
  /// Of the second: 0 ... 999 999 999.
  public var nanoseconds: UInt32
  /// How long it was, of which the capture may have kept less.
  public var originalByteCount: UInt32

  @inlinable
  public init(seconds: Int64, nanoseconds: UInt32, originalByteCount: UInt32) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
    self.originalByteCount = originalByteCount
  }
}

extension Buffer {
  /// When the packet was captured and how long it was, where it comes from a capture; else nil. Setting it sets the flag
  /// ``BufferFlags/recorded``, setting nil clears it. A buffer without metadata (``hasMetadata``) has no room: setting does
  /// nothing.
  ///
  /// - Complexity: O(1).
  public var record: CaptureRecord? {
    get {
      guard flags.contains(.recorded), hasMetadata else { return nil }
      // SAFETY: the buffer has a line, and this is its owner.
      let line = unsafe metadata
      return unsafe CaptureRecord(
        seconds: line.loadUnaligned(as: Int64.self),
        nanoseconds: line.loadUnaligned(fromByteOffset: 8, as: UInt32.self),
        originalByteCount: line.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    }
    set {
      guard let newValue, hasMetadata else {
        flags.remove(.recorded)
        return
      }
      // SAFETY: as above.
      let line = unsafe metadata
      unsafe line.storeBytes(of: newValue.seconds, as: Int64.self)
      unsafe line.storeBytes(of: newValue.nanoseconds, toByteOffset: 8, as: UInt32.self)
      unsafe line.storeBytes(of: newValue.originalByteCount, toByteOffset: 12, as: UInt32.self)
      flags.insert(.recorded)
    }
  }

  /// Whether the packet is a frame that a capture cut short, so that it must not be sent as if it were whole.
  @inlinable
  public var isCut: Bool { flags.contains(.recorded) && isRecordedLonger }

  @usableFromInline var isRecordedLonger: Bool { record.map { Int($0.originalByteCount) > validByteCount } ?? false }
}
