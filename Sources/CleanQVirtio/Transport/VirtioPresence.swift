public import Synchronization

/// Whether a device is there, and how often it has come back: one word, so that the two are always seen together.
///
/// Made and changed by the transport, on any thread; read by every queue pair once per burst.
public final class VirtioPresence: Sendable {
  /// Bit 0: the device is there. Bits 1–63: the epoch.
  @usableFromInline let word: Atomic<UInt64>

  public init(isPresent: Bool = true) { word = Atomic(isPresent ? 1 : 0) }

  /// Presence and epoch in one value, to be compared with an earlier one.
  ///
  /// Relaxed: who sees that the device came back then asks the transport, whose lock orders the rest.
  @inlinable
  public var mark: UInt64 { word.load(ordering: .relaxed) }

  /// False once the device has vanished: the socket was closed, the function removed.
  @inlinable
  public var isPresent: Bool { mark & 1 != 0 }

  /// How often a device that had vanished has come back.
  @inlinable
  public var epoch: UInt64 { mark >> 1 }

  /// Transport: the device has vanished.
  public func vanish() { word.bitwiseAnd(~1, ordering: .relaxed) }

  /// Transport: the device is back, and knows nothing of what was. Nothing where it was there all the time.
  public func comeBack() {
    let mark = word.load(ordering: .relaxed)
    if mark & 1 == 0 { word.store(mark &+ 3, ordering: .relaxed) }
  }

  /// Transport: the device is there, and wants to begin again: the next epoch, without an absence that anybody could see.
  public func startOver() {
    if isPresent { word.wrappingAdd(2, ordering: .relaxed) }
  }
}
