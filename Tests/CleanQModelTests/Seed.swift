import Foundation

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// The seeds of a property test: those in `CLEANQ_SEED` (one number) where it is set, else 1 ... count and a fresh one.
func seeds(_ count: UInt64) -> [UInt64] {
  if let text = ProcessInfo.processInfo.environment["CLEANQ_SEED"], let seed = UInt64(text) { return [seed] }
  return Array(1...count) + [UInt64.random(in: (1 << 32)..<(1 << 53))]
}
