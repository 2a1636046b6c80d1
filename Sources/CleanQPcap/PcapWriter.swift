internal import CPcap
internal import CleanQ
public import CleanQPipeline
internal import Glibc
public import Logging

/// A capture file that is being written, through libpcap. Thread-confined.
///
/// Records gather in memory and go to the file some 100 KiB at a time, when ``flush()`` says so, and at the end; each write
/// ends where a record ends. When one fails (the disk is full, the reader of the pipe has gone), that is logged once,
/// a regular file is cut to its last whole record, and every further frame is counted as not written.
@safe
public struct PcapWriter: ~Copyable {
  /// The most bytes of a frame that any capture keeps: libpcap's limit for Ethernet.
  public static let maximumSnaplen = 262_144
  /// What gathers before it is written.
  static let flushByteCount = 128 * 1024
  /// The most records that gather: none is shorter than its header.
  static let pendingCapacity = flushByteCount / CaptureOutput.recordHeaderByteCount + 1

  /// The file, or `-` for standard output.
  public let path: String
  /// The most bytes that are kept of a frame.
  public let snaplen: Int
  public let precision: TimestampPrecision
  private let output: CaptureOutput
  private let logger: Logger
  /// Where each record that gathers ends, counted from the last flush: `pendingFrameCount` numbers.
  private let pendingEnds: UnsafeMutablePointer<UInt32>
  private var pendingFrameCount = 0
  private var pendingByteCount = CaptureOutput.fileHeaderByteCount
  private var flushedFrameCount: UInt64 = 0
  private var flushedByteCount = 0

  /// Frames that are not in the file, because of a failure.
  public private(set) var lostFrameCount: UInt64 = 0
  /// Why a write has failed, so that nothing is written any more; nil while none has.
  public private(set) var failure: String?
  public var hasFailed: Bool { failure != nil }

  /// Creates a capture file, or empties the one that is there.
  ///
  /// - Parameters:
  ///   - path: the file, or `-` for standard output.
  ///   - snaplen: the most bytes to keep of a frame, 0 ... ``maximumSnaplen``; 0 is the maximum, as for tcpdump.
  /// - Throws: why the file could not be opened.
  public init(
    _ path: String, linkType: LinkType, snaplen: Int = 0, precision: TimestampPrecision = .micro, logger: Logger
  ) throws(StageError) {
    self.path = path
    self.snaplen = snaplen > 0 ? min(snaplen, Self.maximumSnaplen) : Self.maximumSnaplen
    self.precision = precision
    self.logger = logger
    output = try CaptureOutput(path, linkType: linkType, snaplen: self.snaplen, precision: precision)
    unsafe pendingEnds = UnsafeMutablePointer<UInt32>.allocate(capacity: Self.pendingCapacity)
    unsafe pendingEnds.initialize(repeating: 0, count: Self.pendingCapacity)
  }

  deinit {
    // Failing here is as much worth a line as failing before.
    let number = hasFailed ? 0 : output.flush()
    if number != 0 { abandon(number) }
    unsafe pendingEnds.deallocate()
  }

  /// Frames that went to the file or wait to.
  public var writtenFrameCount: UInt64 { flushedFrameCount &+ UInt64(pendingFrameCount) }

  /// Bytes that went to the file or wait to, headers included.
  public var writtenByteCount: Int { flushedByteCount &+ pendingByteCount }

  /// Makes the writes between this and ``endBurst()`` cheaper; both on one thread, one burst at a time.
  func beginBurst() { output.lock() }
  func endBurst() { output.unlock() }

  /// Adds one frame, cut to ``snaplen``.
  ///
  /// - Parameter originalByteCount: the frame's length, where `bytes` are not all of it.
  /// - Complexity: O(number of bytes kept); a system call once per 128 KiB.
  public mutating func write(_ bytes: Span<UInt8>, originalByteCount: Int? = nil, at time: CaptureTime) {
    unsafe bytes.withUnsafeBytes { bytes in
      // SAFETY: the span's memory is good during the call.
      unsafe write(bytes, originalByteCount: originalByteCount ?? bytes.count, at: time)
    }
  }

  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  mutating func write(_ bytes: UnsafeRawBufferPointer, originalByteCount: Int, at time: CaptureTime) {
    let keptByteCount = min(bytes.count, snaplen)
    let recordByteCount = CaptureOutput.recordHeaderByteCount &+ keptByteCount
    if pendingByteCount &+ recordByteCount > Self.flushByteCount { flush() }
    guard !hasFailed else {
      lostFrameCount &+= 1
      return
    }
    let fraction = precision == .nano ? time.nanoseconds : time.nanoseconds / 1000
    let header = pcap_pkthdr(
      ts: timeval(tv_sec: time.seconds, tv_usec: fraction), caplen: UInt32(truncatingIfNeeded: keptByteCount),
      len: UInt32(clamping: originalByteCount))
    // SAFETY: the header's caplen is within the bytes.
    unsafe output.dump(bytes, header: header)
    pendingByteCount &+= recordByteCount
    // SAFETY: the flush above keeps the number of records that gather below the capacity.
    unsafe pendingEnds[pendingFrameCount] = UInt32(truncatingIfNeeded: pendingByteCount)
    pendingFrameCount &+= 1
  }

  /// Gives what has gathered to the operating system.
  ///
  /// - Complexity: O(1) where nothing has; else a write.
  public mutating func flush() {
    guard pendingByteCount > 0, !hasFailed else { return }
    let number = output.flush()
    if number != 0 { return fail(number) }
    flushedFrameCount &+= UInt64(pendingFrameCount)
    flushedByteCount &+= pendingByteCount
    pendingFrameCount = 0
    pendingByteCount = 0
  }

  private mutating func fail(_ number: Int32) {
    let kept = abandon(number)
    failure = reason(number)
    flushedFrameCount &+= UInt64(kept.frameCount)
    flushedByteCount &+= kept.byteCount
    lostFrameCount &+= UInt64(pendingFrameCount &- kept.frameCount)
    pendingFrameCount = 0
    pendingByteCount = 0
  }

  /// Ends the file where its last whole record ends, and says why.
  ///
  /// - Returns: what of the last flush is in the file; of a pipe or a device that is not known, so nothing is claimed.
  @discardableResult
  private func abandon(_ number: Int32) -> (frameCount: Int, byteCount: Int) {
    var kept = (frameCount: 0, byteCount: 0)
    if output.isOwnFile {
      let written = output.writtenByteCount &- flushedByteCount
      let header = CaptureOutput.fileHeaderByteCount
      if flushedByteCount == 0, written >= header { kept.byteCount = header }
      // SAFETY: the first `pendingFrameCount` ends are initialised.
      while kept.frameCount < pendingFrameCount, unsafe Int(pendingEnds[kept.frameCount]) <= written {
        kept.byteCount = unsafe Int(pendingEnds[kept.frameCount])
        kept.frameCount &+= 1
      }
    }
    output.abandon(keeping: flushedByteCount &+ kept.byteCount)
    logger.error("\(reason(number)); capturing stopped, traffic goes on")
    return kept
  }

  private func reason(_ number: Int32) -> String {
    let name = path == standardStream ? "standard output" : path
    return "cannot write the capture to \(name): \(systemErrorText(number))"
  }
}
