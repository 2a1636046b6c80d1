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
  /// Where the record is: behind the first 16 bytes of the buffer, which layers use.
  @usableFromInline static var recordOffset: Int { 16 }
  @usableFromInline static var recordEnd: Int { 32 }

  /// When the packet was captured and how long it was, where it comes from a capture; else nil. Setting it sets the flag
  /// ``BufferFlags/recorded``, setting nil clears it. A buffer whose valid part begins in the first 32 bytes has no room: setting
  /// does nothing.
  ///
  /// - Complexity: O(1).
  public var record: CaptureRecord? {
    get {
      guard flags.contains(.recorded), headroom >= Self.recordEnd else { return nil }
      // SAFETY: the headroom was compared, so these bytes are the buffer's, and its owner's.
      let start = unsafe address - headroom + Self.recordOffset
      return unsafe CaptureRecord(
        seconds: start.loadUnaligned(as: Int64.self),
        nanoseconds: start.loadUnaligned(fromByteOffset: 8, as: UInt32.self),
        originalByteCount: start.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    }
    set {
      guard let newValue, headroom >= Self.recordEnd else {
        flags.remove(.recorded)
        return
      }
      // SAFETY: as above.
      let start = unsafe address - headroom + Self.recordOffset
      unsafe start.storeBytes(of: newValue.seconds, as: Int64.self)
      unsafe start.storeBytes(of: newValue.nanoseconds, toByteOffset: 8, as: UInt32.self)
      unsafe start.storeBytes(of: newValue.originalByteCount, toByteOffset: 12, as: UInt32.self)
      flags.insert(.recorded)
    }
  }

  /// Whether the packet is a frame that a capture cut short, so that it must not be sent as if it were whole.
  @inlinable
  public var isCut: Bool { flags.contains(.recorded) && isRecordedLonger }

  @usableFromInline var isRecordedLonger: Bool { record.map { Int($0.originalByteCount) > validByteCount } ?? false }
}
