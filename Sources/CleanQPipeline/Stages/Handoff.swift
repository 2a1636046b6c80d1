public import CleanQ

/// Hands traffic over to another thread: what is below runs in one loop, what is above in the next, and an interlink of
/// single-producer single-consumer rings joins them. In texts this is the `@CPU` mark.
public struct Handoff: PassThroughStage {
  /// Slots of each ring; enough for all buffers of a pipeline, so that no ring is ever full.
  @inlinable
  static var slotCount: Int { 4096 }

  public init() {}

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    var interlink: RingPort<Lower.Unit>.Pair
    do { interlink = try RingPort<Lower.Unit>.pair(slotCount: Self.slotCount) } catch {
      throw StageError("handoff", error)
    }
    interlink.second.link = lower.capabilities.link
    context.add(lower, interlink.first)
    return try next(interlink.second)
  }
}
