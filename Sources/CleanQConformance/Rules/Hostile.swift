internal import CleanQ

extension Bench where Peer: ~Copyable {
  /// No queue of an untrusted kind exists yet; a hook for forged descriptors comes with the first.
  mutating func runHostile() throws(Stop) { skip(.hostilePeer, "the other side is trusted") }
}
