/// What a tap captures, and where to. Sendable.
public struct CaptureOptions: Sendable, Hashable {
  /// The file, or `-` for standard output.
  public var path: String
  /// Which packets, as tcpdump takes it; empty for all.
  public var filter: String
  /// The most bytes to keep of a packet, 0 for the maximum.
  public var snaplen: Int
  public var precision: TimestampPrecision
  /// After how many captured packets the pipeline ends; nil for never.
  public var count: UInt64?
  /// Whether the pipeline ends when the file cannot be written any more. Else the traffic goes on without the capture.
  public var stopsOnFailure: Bool

  public init(
    _ path: String, filter: String = "", snaplen: Int = 0, precision: TimestampPrecision = .micro, count: UInt64? = nil,
    stopsOnFailure: Bool = false
  ) {
    self.path = path
    self.filter = filter
    self.snaplen = snaplen
    self.precision = precision
    self.count = count
    self.stopsOnFailure = stopsOnFailure
  }
}
