public import CleanQ

extension TestWire {
  /// How a device behaves. Takes effect with the device's next call.
  public struct Settings: Sendable {
    /// What the device says of itself.
    public var capabilities = PortCapabilities(
      link: .init(maximumPacketByteCount: 1514), wantedBufferCount: 32, wantedBufferByteCount: 2048)

    /// How many of the buffers that a call could move it moves: a device that is slow, or refuses at random. Nil for all. Called with
    /// that number, at least 1, on the thread of the device; chains stay whole.
    public var share: (@Sendable (_ count: Int) -> Int)?
    /// Why the receive queue takes no buffers; nil where it does.
    public var fillRefusal: Refusal?
    /// Why the transmit queue takes no packets; nil where it does. `.full` for a device that stands still, `.closed` for one that has gone.
    public var transmitRefusal: Refusal?
    /// `refusal(of:)` says of every region that its buffers are taken, also of those that are then refused.
    public var claimsEveryRegion = false
    /// Transmitted buffers stay in the device until ``TestWire/complete(_:)`` lets some go.
    public var holdsCompletions = false

    /// The source has ended: nothing is received behind what was put before.
    public var isExhausted = false
    /// Thrown when a region is registered; nil where it is taken.
    public var registerError: QueueError?
    /// Thrown when a region is deregistered; nil where the device decides: not while it holds bytes of the region.
    public var deregisterError: QueueError?

    public init() {}
  }
}
