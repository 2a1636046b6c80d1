internal import CleanQ

/// How many reads to ask for: no fewer than frames are likely to be there, and few that would find none.
///
/// A read that finds nothing costs little beside one that finds a frame, and about as much as a further system call.
struct ReadBudget: Sendable {
  static let least = 1
  /// How many more to ask for than were found.
  static let margin = 2
  static let most = Burst.capacity

  private(set) var count = ReadBudget.least
  /// Each read of the last batch found a frame: there may be more.
  private(set) var hasFoundAll = true

  /// Learns from a batch that asked for `asked` reads and got `found` frames.
  mutating func learn(asked: Int, found: Int) {
    hasFoundAll = found >= asked
    let wish = found == 0 ? Self.least : found >= asked ? 2 &* found : found &+ Self.margin
    count = min(max(wish, Self.least), Self.most)
  }
}
