public import CleanQ
public import CleanQCapture
public import CleanQPipeline

/// A tap on any edge of a pipeline: `PcapTap("echo.pcap", filter: "udp port 7")`.
///
/// In a pipeline text: `pcap(echo.pcap, filter: "udp port 7", snaplen: 96, precision: nano, count: 100)`.
public struct PcapTap: PassThroughStage, Hashable {
  public var options: CaptureOptions

  /// - Parameters:
  ///   - path: the file, or `-` for standard output.
  ///   - filter: which packets are captured, as tcpdump takes it; empty for all.
  ///   - snaplen: the most bytes to keep of a packet, 0 for the maximum.
  ///   - precision: of the timestamps.
  ///   - count: after how many captured packets the pipeline ends; nil for never.
  ///   - stopsOnFailure: whether the pipeline ends when the file cannot be written any more.
  public init(
    _ path: String, filter: String = "", snaplen: Int = 0, precision: TimestampPrecision = .micro, count: UInt64? = nil,
    stopsOnFailure: Bool = false
  ) {
    options = CaptureOptions(
      path, filter: filter, snaplen: snaplen, precision: precision, count: count, stopsOnFailure: stopsOnFailure)
  }

  public var resources: [StageResource] { captureResources(options.path, stream: "standard output") }

  /// One writer per file.
  public var instances: ClosedRange<Int> { 1...1 }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(open(on: lower, in: context))
  }

  @usableFromInline
  func open<Lower: Port & ~Copyable>(
    on lower: consuming Lower, in context: PipelineContext
  ) throws(StageError) -> PcapPort<Lower> {
    let log = CaptureLog(context.logger)
    let port: PcapPort<Lower>
    do throws(CaptureError) {
      port = try PcapPort(
        opening: lower, options, waits: context.sourceWaits, cancelFile: context.cancelFile
      ) { log.write($0) }
    } catch {
      throw StageError(error)
    }
    let channel = port.channel
    context.onStart { channel.begin() }
    context.onReopen { channel.reopen() }
    return port
  }
}
