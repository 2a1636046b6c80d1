internal import CleanQ

extension Bench where Peer: ~Copyable {
  /// A peer of this kind is trusted. Queues that do not trust theirs are asked by `Conformance.check(hostile:)`.
  mutating func runHostile() throws(Stop) {
    skip(.hostilePeer, "the other side is trusted; Conformance.check(hostile:) asks those that are not")
  }
}
