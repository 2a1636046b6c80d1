/// Whether a loop without work is to spin before it sleeps, learnt from the gaps between packets.
///
/// A wake-up costs several microseconds and, on the other side, latency; a spin costs its whole length. So a loop spins while most
/// gaps end within the longest spin: under load, and where one packet at a time goes back and forth. Where packets come further
/// apart it sleeps at once, as a program does that blocks.
struct AdaptiveSpin: Equatable {
  /// The limit of the counter: how many gaps of one kind change the decision.
  static let memory = 16
  /// A gap that was slept through seems longer by the wake-up.
  static let wakeUpFactor: UInt64 = 2

  /// The longest spin; 0 for a loop that never spins.
  let longestNanoseconds: UInt64
  /// Rises by 1 with each gap within the longest spin, and falls by 2 with another: two of three have to be short.
  private var score = AdaptiveSpin.memory

  init(longestNanoseconds: UInt64) { self.longestNanoseconds = longestNanoseconds }

  /// How long to spin in the next gap.
  var nanoseconds: UInt64 { score >= Self.memory / 2 ? longestNanoseconds : 0 }

  /// A gap ended while the loop was spinning.
  mutating func noteSpun() { score = min(score + 1, Self.memory) }

  /// A gap ended after a sleep.
  ///
  /// - Parameter gapNanoseconds: from the last work to the end of the sleep.
  mutating func noteSlept(gapNanoseconds: UInt64) {
    if gapNanoseconds <= longestNanoseconds &* Self.wakeUpFactor { return noteSpun() }
    score = max(score - 2, 0)
  }
}
