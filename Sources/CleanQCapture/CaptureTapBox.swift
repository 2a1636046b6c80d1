public import CleanQ

/// A tap behind a pointer, so that ports of any type can be compiled elsewhere without knowing what a tap is made of.
///
/// (With the tap itself stored in the generic port, Swift 6.3.1 stops with a failed assertion, "should never be inlining a
/// resilient function into a fragile function", when it optimises the property's setter.)
///
/// Each call costs one check for exclusive access: once per burst and direction. Thread-confined, like the port that owns it.
@usableFromInline
final class CaptureTapBox {
  private var tap: CaptureTap

  /// Whether ``isPaused`` is ever true.
  @usableFromInline let waits: Bool
  /// What its writer is told from other threads.
  let channel: CaptureChannel
  /// Readable when the writer has something for the loop to look at.
  let wakeFile: Int32

  init(
    _ kind: TrafficKind, _ options: CaptureOptions, onEvent: @escaping CaptureEventHandler, cancelFile: Int32 = -1,
    waits: Bool = false
  ) throws(CaptureError) {
    tap = try CaptureTap(kind, options, onEvent: onEvent, cancelFile: cancelFile, waits: waits)
    channel = tap.writer.channel
    wakeFile = channel.progress.number
    self.waits = waits
  }

  @usableFromInline
  func captureReceived(_ burst: borrowing Burst, from start: Int) { tap.captureReceived(burst, from: start) }
  @usableFromInline
  func stage(_ burst: borrowing Burst) { tap.stage(burst) }
  @usableFromInline
  func captureTransmitted(_ count: Int) { tap.captureTransmitted(count) }
  @usableFromInline var isPaused: Bool { tap.isPaused }
  var isComplete: Bool { tap.isComplete }
  var lowerMayEnd: Bool { tap.lowerMayEnd }
  func arm(lowerSleeps: Bool, lowerHasEnded: Bool) -> Bool {
    tap.arm(lowerSleeps: lowerSleeps, lowerHasEnded: lowerHasEnded)
  }
  func disarm() { tap.writer.onChannel { $0.endWait() } }
  func quiesce() { tap.quiesce() }
  func report() -> StageReport { tap.report() }
}
