public import CleanQ

/// The loop of one branch, which the fork turns, on the fork's thread. Nothing here depends on the kind of traffic.
@usableFromInline
typealias BranchJunction = Junction<AnyPort<Frame>, AnyPort<Frame>>

/// Holds the loop of a branch for the fork, which alone uses it.
@safe
@usableFromInline
final class BranchLoop {
  @usableFromInline let junction: UnsafeMutablePointer<BranchJunction>

  /// Takes the two ports over.
  init<Unit: Traffic>(_ left: consuming AnyPort<Unit>, _ right: consuming AnyPort<Unit>) {
    unsafe junction = .allocate(capacity: 1)
    unsafe junction.initialize(
      to: BranchJunction(left.retyped(unchecked: Frame.self), right.retyped(unchecked: Frame.self)))
  }

  deinit {
    // SAFETY: made in `init`; the fork that points to it is gone.
    unsafe junction.deinitialize(count: 1)
    unsafe junction.deallocate()
  }

  /// Turns the loop once: one dynamic call per burst.
  ///
  /// SAFETY: the pointer is that of a loop's junction, to which the fork has exclusive access.
  @unsafe
  @usableFromInline
  @inline(never)
  static func turn(_ junction: UnsafeMutablePointer<BranchJunction>) -> Int { unsafe junction.pointee.turn() }
}
