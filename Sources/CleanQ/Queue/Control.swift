/// A setting for a stack of queues, which goes to each stage that it concerns. It never moves ownership.
@frozen
public enum ControlRequest: Equatable, Sendable {
  /// Take nothing new from outside, so that what is inside can drain. What came in before is still received.
  case quiesce
  /// Nothing more will be transmitted: a port that leads to another thread passes this on behind all packets, so that the other end
  /// is exhausted once it has received them.
  case endTransmission
  /// From how many buffers the port is served, so that it can share them out. For forks.
  case bufferCount(Int)
}
