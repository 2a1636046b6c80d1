public import CleanQ

/// Hands traffic over to another thread: what is below runs in one loop, what is above in the next, and a cable of
/// single-producer single-consumer rings joins them. In texts this is the `@CPU` mark.
public struct HandOver: PassThroughStage {
  /// Slots of each ring; enough for all buffers of a pipeline, so that no ring is ever full.
  @inlinable
  static var slotCount: Int { 4096 }

  public init() {}

  public var shape: StageShape { .passThrough }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    var lower = lower
    var cable: RingPort<Lower.Unit>.Pair
    do { cable = try RingPort<Lower.Unit>.pair(slotCount: Self.slotCount) } catch {
      throw StageError("hand-over", error)
    }
    cable.second.takeFacts(from: &lower)
    context.add(lower, cable.first)
    return try next(cable.second)
  }
}
