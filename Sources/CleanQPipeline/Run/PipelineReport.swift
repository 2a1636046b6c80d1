public import CleanQ

/// What a pipeline did, and where its memory was when it stopped.
public struct PipelineReport: Sendable {
  /// The stages, left to right.
  public struct Stage: Sendable {
    public let report: StageReport
    /// The stage as in a pipeline text.
    public let text: String
    /// The CPU that it ran on, or nil.
    public let cpu: Int?
  }

  public let stages: [Stage]
  /// From the start of the threads to their end.
  public let seconds: Double
  /// All memory of the pipeline, as its owner sees it: at a peer is what a device or the kernel had, in flight what was
  /// between two stages.
  public let census: Census
  /// The buffers that existed.
  public let bufferCount: Int
  /// The buffers that went out of scope somewhere and came home, instead of going round.
  public let strayBufferCount: Int
  /// Bytes that no stage could account for. Not zero only where a stage is broken.
  public let lostByteCount: Int
}
