internal import Foundation

/// SplitMix64: the same numbers for the same seed on every machine. Source: Steele, Lea and Flood, OOPSLA 2014.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

/// The seeds of a property test: the one in the environment's `CLEANQ_SEED` where it is set, else 1 ... count and a fresh one.
/// As test arguments they are printed with each failure.
public func seeds(_ count: UInt64) -> [UInt64] {
  if let text = ProcessInfo.processInfo.environment["CLEANQ_SEED"], let seed = UInt64(text) { return [seed] }
  return Array(1...count) + [UInt64.random(in: (1 << 32)..<(1 << 53))]
}
