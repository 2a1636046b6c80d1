public import CleanQ

/// A tap on a port: writes what passes, in both directions, to a capture file, and changes nothing of it.
///
///        receive ▲    │ transmit
///           ┌────┴────▼────┐
///           │     pcap     ├──► file, after the filter
///           └────▲────┬────┘
///                │    ▼ lower
///
/// Frames are written as they are; packets and datagrams behind an IPv4 (and UDP) header made from the buffer's metadata.
/// A packet that comes up is written when it is received; one that goes down, when the port below has taken it. Packets
/// that are cut over several buffers become one record. The data path allocates nothing and makes no system call but
/// once per 128 KiB of capture; what has gathered also goes to the file before the pipeline goes to sleep, and at its end.
///
/// The file is written by a thread of its own, ``PcapWriter``, and traffic never waits for it: what it does not take is counted as
/// `not-written`. Only where the traffic is a file's, which can wait, no more is taken from it than can be written.
///
/// Thread-confined.
public struct PcapPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  public typealias Unit = Lower.Unit

  public var lower: Lower
  @usableFromInline let tap: CaptureTapBox

  /// Opens and begins the capture file, after the filter has been compiled.
  ///
  /// - Parameters:
  ///   - onEvent: is told what happens to the file.
  ///   - waits: whether nothing is received from below while the file does not keep up, instead of dropping it from
  ///     the capture: for what comes from a file.
  /// - Throws: a filter that does not compile for this traffic, a file that cannot be written.
  public init(
    _ lower: consuming Lower, _ options: CaptureOptions, waits: Bool = false,
    onEvent: @escaping CaptureEventHandler = { _ in }
  ) throws(CaptureError) {
    tap = try CaptureTapBox(Lower.Unit.kind, options, onEvent: onEvent, waits: waits)
    tap.channel.begin()
    self.lower = lower
  }

  /// Opens the capture file, which is left as it is until ``CaptureChannel/begin()``.
  ///
  /// - Parameter cancelFile: readable once a FIFO's reader is not to be waited for any longer; or -1.
  package init(
    opening lower: consuming Lower, _ options: CaptureOptions, waits: Bool, cancelFile: Int32,
    onEvent: @escaping CaptureEventHandler
  ) throws(CaptureError) {
    tap = try CaptureTapBox(Lower.Unit.kind, options, onEvent: onEvent, cancelFile: cancelFile, waits: waits)
    self.lower = lower
  }

  /// Where the writing of the file is begun, and begun again, from any thread.
  package var channel: CaptureChannel { tap.channel }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    if tap.waits, tap.isPaused { return }
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

  /// The port is exhausted when its source has ended, or when as many packets as were asked for are captured; and what could wait is
  /// in the file.
  public mutating func sleep(_ step: SleepStep) -> Readiness {
    var readiness = lower.sleep(step)
    switch step {
    case .tick: break
    case .arm:
      // A reader of the file sees every packet while the traffic pauses.
      readiness.hasWork = !tap.arm(lowerSleeps: !readiness.hasWork, lowerHasEnded: readiness.isExhausted)
    case .disarm: tap.disarm()
    }
    readiness.isExhausted = tap.isComplete || readiness.isExhausted && tap.lowerMayEnd
    return readiness
  }

  public var capabilities: PortCapabilities {
    var capabilities = lower.capabilities
    capabilities.wakeFileDescriptors.append(tap.wakeFile)
    return capabilities
  }

  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    defer { if request == .quiesce { tap.quiesce() } }
    try lower.control(request)
  }

  public func report(into report: inout PortReport) {
    lower.report(into: &report)
    report.stages.append(tap.report())
  }
}
