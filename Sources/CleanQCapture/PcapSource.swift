public import CleanQ

/// A capture file as the left end of a pipeline: its frames are received, as fast as they are taken.
///
/// Each frame is copied into a free buffer. Frames longer than a buffer are dropped as `oversize`. A frame keeps its time and its
/// original length (`Buffer.record`); a frame that the capture truncated is captured as it is, and not sent. Packets of raw IP,
/// loopback and Linux cooked captures become Ethernet frames (`EthernetConversion`). Packets that the pipeline sends are dropped as
/// `read-only`, and their buffers are completed. No content of the file can do more than end it early, with one line in the log.
///
/// Thread-confined.
public struct PcapSource: Port, ~Copyable {
  public typealias Unit = Frame

  /// The longest frame that buffers are asked for.
  static let maximumFrameByteCount = 65_536
  /// The most records that one call looks at, so that a file of frames that do not match cannot hold the loop up.
  static let recordsPerCall = 256
  /// Buffers that wait for frames, and buffers that wait to be taken back, at most.
  static let bufferCapacity = 256

  let path: String
  let onEvent: CaptureEventHandler
  var reader: PcapReader
  let filter: PcapFilter
  let conversion: EthernetConversion
  var table = RegionTable()
  var freeBuffers = BufferStore(capacity: PcapSource.bufferCapacity)
  var returning = BufferStore(capacity: PcapSource.bufferCapacity)
  /// Between the check of a burst and a store.
  var passing = Burst()
  /// Frames still to be received.
  var framesLeft: UInt64
  var isAtEnd = false
  /// Why nothing more comes, where that is not the end of the pipeline.
  var completion: String?
  var received = StageReport.Tally()
  var transmitted = StageReport.Tally()
  var oversizeFrameCount: UInt64 = 0
  var emptyFrameCount: UInt64 = 0
  var filteredFrameCount: UInt64 = 0
  var unconvertibleFrameCount: UInt64 = 0
  var unreadableCount: UInt64 = 0
  var failure: String?

  /// Opens a capture file.
  ///
  /// - Parameters:
  ///   - path: the file, or `-` for standard input.
  ///   - filter: which frames are received, as tcpdump takes it; empty for all.
  ///   - count: after how many frames the source ends; nil for never.
  ///   - cancelFile: the header of a file that comes through a pipe is waited for, until this is readable; -1 for as long as it takes.
  /// - Throws: the file is not there, not to be read, no capture, or of a link that has no Ethernet frames; a filter that does not compile.
  public init(
    _ path: String, filter: String = "", count: UInt64? = nil, cancelFile: Int32 = -1,
    onEvent: @escaping CaptureEventHandler = { _ in }
  ) throws(CaptureError) {
    let reader = try PcapReader(path, cancelFile: cancelFile)
    let compiled = try PcapFilter(filter, dlt: reader.dlt, for: path)
    self.init(path, reader: reader, filter: compiled, count: count, onEvent: onEvent)
  }

  private init(
    _ path: String, reader: consuming PcapReader, filter: consuming PcapFilter, count: UInt64?,
    onEvent: @escaping CaptureEventHandler
  ) {
    self.path = path
    self.onEvent = onEvent
    // The reader opens no other captures.
    conversion = EthernetConversion(dlt: reader.dlt) ?? .ethernet
    self.reader = reader
    self.filter = filter
    framesLeft = count ?? .max
  }

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    try QueueError.requireNone(
      elsewhereByteCount: freeBuffers.byteCount(of: region.id) + returning.byteCount(of: region.id))
    try table.remove(region.id)
  }

  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    guard request == .quiesce else { throw QueueError(.unsupported) }
    isAtEnd = true
  }

  public var capabilities: PortCapabilities {
    let frameByteCount = min(reader.snaplen, Self.maximumFrameByteCount)
    return PortCapabilities(
      wantedBufferCount: Self.bufferCapacity,
      // A multiple of a cache line; 64 bytes hold the headroom.
      wantedBufferByteCount: max(2048, (frameByteCount + 64 + 63) & ~63),
      wakeFileDescriptors: reader.wakeFile.map { [$0] } ?? [])
  }

  /// A stream that has nothing to read wakes the pipeline when it has; a file never lets it sleep.
  public mutating func sleep(_ step: SleepStep) -> Readiness {
    var readiness = Readiness(isExhausted: isAtEnd)
    guard step == .arm else { return readiness }
    readiness.hasWork = !returning.isEmpty
    if !readiness.hasWork {
      let isWanted = !isAtEnd && !freeBuffers.isEmpty
      reader.watch(isWanted)
      readiness.hasWork = isWanted && reader.isReadable
    }
    return readiness
  }

  public func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = table.byteCount
    freeBuffers.add(to: &report.accounts)
    returning.add(to: &report.accounts)
    var own = StageReport("pcap")
    own.received = received
    own.transmitted = transmitted
    own.drops = [
      .init("oversize", oversizeFrameCount), .init("empty", emptyFrameCount),
      .init("no-frame", unconvertibleFrameCount),
      .init("read-only", transmitted.packets),
    ].filter { $0.value > 0 }
    own.counters = [.init("filtered", filteredFrameCount), .init("unreadable", unreadableCount)]
    own.failure = failure
    own.completion = completion
    report.stages.append(own)
  }
}
