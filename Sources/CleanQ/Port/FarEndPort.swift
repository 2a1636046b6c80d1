/// The end of an interlink above which nothing registers a region: the other end, where the memory is, has done so.
///
/// The bottom of a branch that runs on another thread. Layers above register their regions with it as with any
/// port, and learn of them so; the registration itself is the other end's. Thread-confined.
@frozen
public struct FarEndPort<Unit: Traffic>: StackedPort, ~Copyable, Sendable {
  public var lower: RingPort<Unit>

  /// - Parameter lower: the interlink's end.
  @inlinable
  public init(on lower: consuming RingPort<Unit>) { self.lower = lower }

  public mutating func register(_ region: borrowing Region) throws(QueueError) {}

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {}

  /// As registered: the bytes that are on this side of the interlink. What is in flight or on the other side is the other end's
  /// to count.
  public func report(into report: inout PortReport) { report.accounts.registeredByteCount = lower.farByteCount }
}

extension RingPort {
  /// Bytes of the other end's regions that are on this side.
  var farByteCount: Int { channel.accounts(of: end.other).atPeerByteCount }
}
