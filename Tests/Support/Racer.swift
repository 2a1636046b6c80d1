internal import Foundation
internal import Synchronization

/// Rewrites memory, over and over, while it is looked at: a device, or a peer that maps it too.
@safe
public final class Racer: @unchecked Sendable {
  private let start: UnsafeMutableRawPointer
  private let variants: [[UInt8]]
  private let isStopped = Atomic<Bool>(false)
  private let hasEnded = DispatchSemaphore(value: 0)

  /// Begins on a thread of its own.
  ///
  /// SAFETY: the memory at `start` stays until the racer was stopped, and has room for each variant.
  ///
  /// - Parameter variants: what it writes there, in turn.
  @unsafe
  public init(at start: UnsafeMutableRawPointer, _ variants: [[UInt8]]) {
    unsafe self.start = start
    self.variants = variants
    let thread = Thread { [self] in
      while !isStopped.load(ordering: .relaxed) {
        for variant in self.variants { unsafe self.start.copyMemory(from: variant, byteCount: variant.count) }
      }
      hasEnded.signal()
    }
    thread.start()
  }

  /// Stops writing; the memory is the caller's again. Does nothing the second time.
  public func stop() {
    if !isStopped.exchange(true, ordering: .relaxed) { hasEnded.wait() }
  }
}
