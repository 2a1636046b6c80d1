internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// A capture file that is being written, by a thread of its own. Thread-confined.
///
/// Records gather in a queue of bounded size and go to the file some 100 KiB at a time, when ``flush()`` says so, and at the
/// end. Neither call waits. Where the file does not keep up (nobody reads the pipe, the disk hangs) and the queue is full,
/// packets are dropped from the capture and counted as not written; when a write fails (the disk is full, the reader of the
/// pipe has gone), a regular file is cut to its last whole record, and every further packet is counted as not written. Both
/// are told once: ``CaptureEvent``.
///
/// The file is opened, and a regular one locked, when the value is made; what it held goes when the pipeline starts.
@safe
public struct PcapWriter: ~Copyable {
  /// The most bytes of a frame that any capture keeps: libpcap's limit for Ethernet.
  public static let maximumSnaplen = 262_144
  /// What gathers before the writing thread is woken for it.
  static let flushByteCount = 128 * 1024
  /// How long the end waits for what has gathered to be written.
  static let finishMilliseconds: UInt64 = 400
  /// How long for the writer to see that it is not waited for any longer.
  private static let leaveMilliseconds = 20

  /// The file, or `-` for standard output.
  public let path: String
  /// The most bytes that are kept of a frame.
  public let snaplen: Int
  public let precision: TimestampPrecision
  let channel: CaptureChannel
  /// The same, for calls that count no references: `channel` keeps it alive.
  private let uncounted: Unmanaged<CaptureChannel>
  private let format: CaptureFormat
  private let onEvent: CaptureEventHandler
  /// Up to where records are copied into the queue, published, and known to the writer.
  private var copied = 0
  private var published = 0
  private var told = 0
  /// Up to where the queue was free when that was last looked at.
  private var released = 0
  private var acceptedFrameCount: UInt64 = 0
  private var refusedFrameCount: UInt64 = 0
  private var hasLogged = false
  private var isFinished = false

  /// Creates a capture file, or clears the one that is there.
  ///
  /// - Parameters:
  ///   - path: the file, or `-` for standard output.
  ///   - snaplen: the most bytes to keep of a frame, 0 ... ``maximumSnaplen``; 0 is the maximum, as for tcpdump.
  /// - Throws: why the file could not be opened.
  public init(
    _ path: String, linkType: LinkType, snaplen: Int = 0, precision: TimestampPrecision = .micro,
    onEvent: @escaping CaptureEventHandler = { _ in }
  ) throws(CaptureError) {
    try self.init(opening: path, linkType: linkType, snaplen: snaplen, precision: precision, onEvent: onEvent)
    channel.begin()
  }

  /// Opens a capture file, and leaves what is in it until ``CaptureChannel/begin()``.
  ///
  /// - Parameter cancelFile: readable once a FIFO's reader is not to be waited for any longer; or -1.
  init(
    opening path: String, linkType: LinkType, snaplen: Int, precision: TimestampPrecision,
    onEvent: @escaping CaptureEventHandler,
    cancelFile: Int32 = -1
  ) throws(CaptureError) {
    self.path = path
    self.snaplen = snaplen > 0 ? min(snaplen, Self.maximumSnaplen) : Self.maximumSnaplen
    self.precision = precision
    self.onEvent = onEvent
    format = CaptureFormat(linkType: linkType, snaplen: self.snaplen, precision: precision)
    let output = try CaptureOutput(path, cancelFile: cancelFile) {
      onEvent(.waitingForReader(path: path))
    }
    guard let channel = CaptureChannel() else {
      throw CaptureError(path, "no file descriptors left: \(systemErrorText(errno))", errno: errno)
    }
    let drain = CaptureDrain(channel, output, path: path, header: format.fileHeader, onEvent: onEvent)
    guard let thread = SystemThread(name: "cleanq-pcap", { drain.run() }) else {
      throw CaptureError(path, "cannot start a thread: \(systemErrorText(errno))", errno: errno)
    }
    // It may be in a call that does not return, and is left behind then.
    thread.detach()
    self.channel = channel
    unsafe uncounted = Unmanaged.passUnretained(channel)
  }

  /// Calls something of the channel without a retain and a release.
  @inline(__always)
  func onChannel<Result>(_ body: (CaptureChannel) -> Result) -> Result {
    // SAFETY: `channel` holds it for as long as this value lives.
    unsafe uncounted._withUnsafeGuaranteedRef(body)
  }

  deinit {
    if !isFinished {
      channel.queue.publish(copied)
      end(by: MonotonicTime.now.advanced(byMilliseconds: Self.finishMilliseconds))
      logUnwritten()
    }
  }

  /// Frames that went to the file or wait to.
  public var writtenFrameCount: UInt64 {
    isFinished || hasFailed ? UInt64(channel.writtenRecordCount) : acceptedFrameCount
  }

  /// Frames that are not in the file, because it did not keep up, or of a failure.
  public var lostFrameCount: UInt64 { refusedFrameCount &+ acceptedFrameCount &- writtenFrameCount }

  /// Bytes that went to the file or wait to, headers included.
  public var writtenByteCount: Int {
    isFinished || hasFailed
      ? channel.writtenByteCount : max(channel.writtenByteCount, CaptureFormat.fileHeaderByteCount + copied)
  }

  /// Why a write has failed, so that nothing is written any more; nil while none has.
  public var failure: String? { channel.failure }
  public var hasFailed: Bool { onChannel { $0.hasFailed } }

  /// Adds one frame, cut to ``snaplen``. It is written after 128 KiB, or after ``flush()``.
  ///
  /// - Parameter originalByteCount: the frame's length, where `bytes` are not all of it.
  /// - Complexity: O(number of bytes kept); a system call once per 128 KiB.
  public mutating func write(_ bytes: Span<UInt8>, originalByteCount: Int? = nil, at time: CaptureTime) {
    unsafe bytes.withUnsafeBytes { bytes in
      // SAFETY: the span's memory is good during the call.
      _ = unsafe write(bytes, originalByteCount: originalByteCount ?? bytes.count, at: time)
    }
  }

  /// - Returns: false where the frame was dropped since the file does not keep up.
  ///
  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  mutating func write(_ bytes: UnsafeRawBufferPointer, originalByteCount: Int, at time: CaptureTime) -> Bool {
    guard !hasFailed, !isFinished else {
      refusedFrameCount &+= 1
      return true
    }
    let keptByteCount = min(bytes.count, snaplen)
    let end = copied &+ CaptureFormat.recordHeaderByteCount &+ keptByteCount
    if end &- released > CaptureQueue.byteCount {
      released = onChannel { $0.queue.released }
      guard end &- released <= CaptureQueue.byteCount else {
        refuse()
        return false
      }
    }
    let header = format.recordHeader(
      at: time, keptByteCount: keptByteCount, originalByteCount: originalByteCount)
    unsafe withUnsafeBytes(of: header) { header in
      // SAFETY: both are readable during the calls, and the queue has room for them.
      onChannel { unsafe $0.queue.copy(header, to: copied) }
    }
    onChannel {
      unsafe $0.queue.copy(
        UnsafeRawBufferPointer(rebasing: bytes[..<keptByteCount]), to: copied &+ CaptureFormat.recordHeaderByteCount)
    }
    copied = end
    acceptedFrameCount &+= 1
    if copied &- told > Self.flushByteCount { flush() }
    return true
  }

  private mutating func refuse() {
    flush()
    refusedFrameCount &+= 1
    guard !hasLogged else { return }
    hasLogged = true
    onEvent(.fallsBehind(name: name))
  }

  private var name: String { path == standardStream ? "standard output" : path }

  /// Has what has gathered written soon.
  ///
  /// - Complexity: O(1) where nothing has; else a system call.
  public mutating func flush() {
    guard copied > told else { return }
    told = copied
    let copied = copied
    onChannel {
      $0.queue.publish(copied)
      $0.wake.signal()
    }
  }

  /// Whether everything that was captured is in the file, or nothing will be any more.
  public var isIdle: Bool { copied == told && onChannel { $0.isIdle } }

  /// Ends the file, when everything is written or the time is over; what is not in the file then is counted as not written.
  mutating func finish(by deadline: MonotonicTime) {
    guard !isFinished else { return }
    flush()
    end(by: deadline)
    isFinished = true
    logUnwritten()
  }

  private func end(by deadline: MonotonicTime) {
    channel.finish()
    let now = MonotonicTime.now
    let left = deadline > now ? Int((deadline.nanoseconds - now.nanoseconds) / 1_000_000) : 0
    if channel.end.waitUntilReadable(timeoutMilliseconds: left) { return }
    channel.leave()
    _ = channel.end.waitUntilReadable(timeoutMilliseconds: Self.leaveMilliseconds)
  }

  private func logUnwritten() {
    let count = acceptedFrameCount &- UInt64(channel.writtenRecordCount)
    guard count > 0, !hasFailed else { return }
    onEvent(.endNotWritten(name: name, count: count))
  }
}
