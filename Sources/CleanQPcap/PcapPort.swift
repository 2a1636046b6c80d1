public import CleanQ
public import CleanQPipeline
public import Logging

/// A tap on a port: writes what passes, in both directions, to a capture file, and changes nothing of it.
///
///        receive ▲    │ transmit
///           ┌────┴────▼────┐
///           │     pcap     ├──► file, after the filter
///           └────▲────┬────┘
///                │    ▼ lower
///
/// Frames are written as they are; packets and datagrams behind an IPv4 (and UDP) header made from the buffer's annotation.
/// A packet that comes up is written when it is received; one that goes down, when the port below has taken it. Packets
/// that are cut over several buffers become one record. The data path allocates nothing and makes no system call but
/// once per 128 KiB of capture; what has gathered also goes to the file before the pipeline goes to sleep, and at its end.
///
/// Thread-confined.
public struct PcapPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  public typealias Unit = Lower.Unit

  public var lower: Lower
  @usableFromInline let tap: CaptureTapBox

  /// Opens the capture file, after the filter has been compiled.
  ///
  /// - Throws: a filter that does not compile for this traffic, a file that cannot be written.
  public init(_ lower: consuming Lower, _ options: CaptureOptions, logger: Logger) throws(StageError) {
    tap = try CaptureTapBox(Lower.Unit.kind, options, logger: logger)
    self.lower = lower
  }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    let before = filled.count
    lower.receive(into: &filled)
    if filled.count > before { tap.captureReceived(filled, from: before) }
  }

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    let before = filled.count
    if before > 0 { tap.stage(filled) }
    let refusal = lower.transmit(&filled)
    if filled.count < before { tap.captureTransmitted(before &- filled.count) }
    return refusal
  }

  public mutating func arm() -> Bool {
    guard lower.arm() else { return false }
    // Whoever looks at the file while nothing happens sees everything that did.
    let wasComplete = tap.isComplete
    tap.flush()
    // A failure that ends the pipeline is not slept over.
    return wasComplete || !tap.isComplete
  }

  public mutating func quiesce() {
    lower.quiesce()
    tap.quiesce()
  }

  /// Whether the source has ended, or as many packets as were asked for are captured.
  public var isExhausted: Bool { tap.isComplete || lower.isExhausted }

  public func report(into reports: inout [StageReport]) {
    lower.report(into: &reports)
    reports.append(tap.report())
  }
}
