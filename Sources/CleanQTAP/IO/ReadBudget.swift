internal import CleanQ

/// How many reads to ask for: no fewer than frames are likely to be there, and few that would find none.
///
/// A read that finds nothing costs a tenth of one that finds a frame, a further system call about twice that.
struct ReadBudget: Sendable {
  static let least = 2
  static let most = Burst.capacity

  private(set) var count = ReadBudget.least

  /// Learns from a batch that asked for `asked` reads and got `found` frames.
  mutating func learn(asked: Int, found: Int) {
    let wish = found >= asked ? 2 &* found : found &+ Self.least
    count = min(max(wish, Self.least), Self.most)
  }
}
