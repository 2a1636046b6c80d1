internal import CleanQ
internal import CleanQPipeline
internal import Logging

/// What a tap does with the traffic that passes it, whatever port it stands on: one call per burst and direction.
///
/// What is received is written from where it lies. What is to be sent belongs to the port below once that has taken it, and
/// how much it will take is not known before; so it is staged first, and what was taken is written afterwards. A frame that
/// is refused and offered again is thus written once, when it is taken, and in the order of taking.
struct CaptureTap: ~Copyable {
  var writer: PcapWriter
  let filter: PcapFilter
  let kind: TrafficKind
  let stopsOnFailure: Bool
  /// Frames still to be captured before the capture is complete.
  var framesLeft: UInt64
  /// A packet that arrives in several buffers, or needs headers.
  var arriving: FrameArena
  /// What was offered to the port below.
  var offered: FrameArena
  /// One entry for each buffer that was offered.
  var stagedBuffers = InlineArray<32, StagedBuffer>(repeating: StagedBuffer())
  var stagedTime = CaptureTime(seconds: 0, nanoseconds: 0)
  /// What is put in front of the packets that are being put together.
  var arrivingHeaders: PacketHeaders?
  var offeredHeaders: PacketHeaders?
  var received = StageReport.Tally()
  var transmitted = StageReport.Tally()
  var filteredFrameCount: UInt64 = 0
  /// The pipeline is coming to its end: what is captured goes to the file at once.
  var isDraining = false

  init(_ kind: TrafficKind, _ options: CaptureOptions, logger: Logger) throws(StageError) {
    let filter = try PcapFilter(options.filter, linkType: LinkType(kind), for: options.path)
    let writer = try PcapWriter(
      options.path, linkType: LinkType(kind), snaplen: options.snaplen, precision: options.precision, logger: logger)
    self.init(kind, options, writer: writer, filter: filter)
  }

  private init(
    _ kind: TrafficKind, _ options: CaptureOptions, writer: consuming PcapWriter, filter: consuming PcapFilter
  ) {
    self.kind = kind
    stopsOnFailure = options.stopsOnFailure
    framesLeft = options.count ?? .max
    arriving = FrameArena(frameCount: 1, snaplen: writer.snaplen)
    offered = FrameArena(frameCount: Burst.capacity, snaplen: writer.snaplen)
    self.writer = writer
    self.filter = filter
  }

  /// Whether as many frames as were asked for have been captured, or would have been but for a failure; or there was one, and
  /// it is to be the end.
  var isComplete: Bool { framesLeft == 0 || stopsOnFailure && writer.hasFailed }

  /// Makes the file what it should be while nothing happens.
  mutating func flush() { writer.flush() }

  /// The pipeline drains.
  mutating func quiesce() {
    isDraining = true
    writer.flush()
  }

  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  mutating func capture(_ bytes: UnsafeRawBufferPointer, originalByteCount: Int, at time: CaptureTime) {
    guard framesLeft > 0 else { return }
    framesLeft &-= 1
    unsafe writer.write(bytes, originalByteCount: originalByteCount, at: time)
  }

  func report() -> StageReport {
    var report = StageReport("pcap")
    report.received = received
    report.transmitted = transmitted
    report.counters = [
      .init("captured", writer.writtenFrameCount), .init("filtered", filteredFrameCount),
      .init("not-written", writer.lostFrameCount), .init("bytes-written", UInt64(writer.writtenByteCount)),
    ]
    report.failure = writer.failure
    return report
  }
}

/// What is known of one buffer that was offered to the port below.
struct StagedBuffer: BitwiseCopyable {
  enum Fate: UInt8 {
    /// It is not the last of its packet.
    case part
    /// Its packet does not match.
    case filtered
    /// Its packet is to be written.
    case matching
    /// The capture is complete.
    case ignored
  }

  var fate = Fate.ignored
  var validByteCount = 0
  var frame = FrameArena.Frame()
}
