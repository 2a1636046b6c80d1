public import CleanQ
public import CleanQCapture
public import CleanQPipeline

/// A capture file as the input of a pipeline: `PcapFile("in.pcap")`, at the left end.
///
/// In a pipeline text: `pcap(in.pcap, read)`.
public struct PcapFile: EndStage, Hashable {
  public typealias Unit = Frame
  public typealias Opened = PcapSource

  /// The file, or `-` for standard input.
  public var path: String
  /// Which frames are received, as tcpdump takes it; empty for all.
  public var filter: String
  /// After how many frames the source ends; nil for never.
  public var count: UInt64?

  public init(_ path: String, filter: String = "", count: UInt64? = nil) {
    self.path = path
    self.filter = filter
    self.count = count
  }

  public static var shape: StageShape { .end(.frame, right: false) }

  public var resources: [StageResource] { captureResources(path, stream: "standard input") }

  public func open(in context: PipelineContext) throws(StageError) -> PcapSource {
    context.sourceWaits = true
    let log = CaptureLog(context.logger)
    do throws(CaptureError) {
      return try PcapSource(path, filter: filter, count: count, cancelFile: context.cancelFile) { log.write($0) }
    } catch {
      throw StageError(error)
    }
  }
}
