internal import CleanQ

/// What a tap does with the traffic that passes it, on any port: one call per burst and direction.
///
/// What is received is written from its place. What is to be sent belongs to the port below once that has taken it, and
/// how much it will take is not known before; so it is staged first, and what was taken is written afterwards. A frame that
/// is refused and offered again is thus written once, when it is taken, and in the order of taking.
struct CaptureTap: ~Copyable {
  var writer: PcapWriter
  let filter: PcapFilter
  let kind: TrafficKind
  let stopsOnFailure: Bool
  /// What is captured comes from a file, so it can wait until it can be written.
  let waits: Bool
  /// Frames still to be captured before the capture is complete.
  var framesLeft: UInt64
  /// A packet that arrives in several buffers, or needs headers.
  var arriving: FrameArena
  /// What was offered to the port below.
  var offered: FrameArena
  /// One entry for each buffer that was offered.
  var stagedBuffers = InlineArray<32, StagedBuffer>(repeating: StagedBuffer())
  /// When the packet came that is being put together.
  var arrivingTime = CaptureTime(seconds: 0, nanoseconds: 0)
  var stagedTime = CaptureTime(seconds: 0, nanoseconds: 0)
  /// What is put in front of the packets that are being put together.
  var arrivingHeaders: PacketHeaders?
  var offeredHeaders: PacketHeaders?
  var received = StageReport.Tally()
  var transmitted = StageReport.Tally()
  var filteredFrameCount: UInt64 = 0
  /// Frames that came when there were enough.
  var lateFrameCount: UInt64 = 0
  /// The pipeline is coming to its end: what is captured goes to the file at once.
  var isDraining: Bool { finishTime != nil }
  /// Until when what was captured has to be written, once the pipeline drains.
  private var finishTime: MonotonicTime?

  /// Opens the file of a capture, which begins with ``CaptureChannel/begin()``.
  init(
    _ kind: TrafficKind, _ options: CaptureOptions, onEvent: @escaping CaptureEventHandler, cancelFile: Int32,
    waits: Bool
  ) throws(CaptureError) {
    let filter = try PcapFilter(options.filter, dlt: LinkType(kind).dlt, for: options.path)
    let writer = try PcapWriter(
      opening: options.path, linkType: LinkType(kind), snaplen: options.snaplen, precision: options.precision,
      onEvent: onEvent, cancelFile: cancelFile)
    self.init(kind, options, writer: writer, filter: filter, waits: waits)
  }

  private init(
    _ kind: TrafficKind, _ options: CaptureOptions, writer: consuming PcapWriter, filter: consuming PcapFilter,
    waits: Bool
  ) {
    self.kind = kind
    self.waits = waits
    stopsOnFailure = options.stopsOnFailure
    framesLeft = options.count ?? .max
    arriving = FrameArena(frameCount: 1, snaplen: writer.snaplen)
    offered = FrameArena(frameCount: Burst.capacity, snaplen: writer.snaplen)
    self.writer = writer
    self.filter = filter
  }

  /// Whether as many frames as were asked for have been captured, or would have been but for a failure.
  var hasEnough: Bool { framesLeft == 0 }

  /// Whether that is so; or there was a failure, and it is to be the end.
  var isComplete: Bool { hasEnough || stopsOnFailure && writer.hasFailed }

  /// Whether what is below, which can wait, has to: until the file has taken half of what is on its way to it.
  var isPaused: Bool { waits && !isDraining && !writer.onChannel { $0.hasRoom } }

  /// Whether the end of what is below is the capture's: nothing is on its way any more of what could wait.
  var lowerMayEnd: Bool { !waits || writer.isIdle }

  /// Makes the file what it should be while nothing happens.
  ///
  /// - Returns: whether the pipeline may sleep: nothing changes here without the writer's progress waking it.
  mutating func arm(lowerSleeps: Bool, lowerHasEnded: Bool) -> Bool {
    writer.flush()
    if isPaused { return writer.onChannel { channel in channel.wait { channel.hasRoom } } }
    guard lowerSleeps else { return false }
    let awaitsEnd = lowerHasEnded && waits
    guard awaitsEnd || stopsOnFailure, framesLeft > 0 else { return true }
    writer.onChannel { channel in
      // An end is not a packet: it wakes the loop, which asks whether there is one.
      if !channel.wait({ channel.isIdle }), awaitsEnd || channel.hasFailed { channel.wakeLoop() }
    }
    return true
  }

  /// The pipeline drains.
  mutating func quiesce() {
    if finishTime == nil { finishTime = .now.advanced(byMilliseconds: PcapWriter.finishMilliseconds) }
    writer.flush()
  }

  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  mutating func capture(_ bytes: UnsafeRawBufferPointer, originalByteCount: Int, at time: CaptureTime) {
    guard framesLeft > 0 else {
      lateFrameCount &+= 1
      return
    }
    // What did not fit does not count, so that a file with a `count` has that number.
    guard unsafe writer.write(bytes, originalByteCount: originalByteCount, at: time) else { return }
    framesLeft &-= 1
    if framesLeft == 0 { writer.flush() }
  }

  /// What the capture did so far; at the end of a pipeline that drained, after what was captured is in the file, or could not be
  /// written in time.
  mutating func report() -> StageReport {
    // Who comes late, since the drain or another file took long, gets a moment all the same.
    if let finishTime { writer.finish(by: max(finishTime, .now.advanced(byMilliseconds: 20))) }
    var report = StageReport("pcap")
    report.received = received
    report.transmitted = transmitted
    report.counters = [
      .init("captured", writer.writtenFrameCount), .init("filtered", filteredFrameCount),
      .init("not-written", writer.lostFrameCount), .init("after-end", lateFrameCount),
      .init("bytes-written", UInt64(writer.writtenByteCount)),
    ]
    report.failure = writer.failure
    if isComplete { report.completion = "the capture is complete" }
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
    /// Its packet comes when there are enough.
    case late
  }

  var fate = Fate.part
  var validByteCount = 0
  var frame = FrameArena.Frame()
}
