import CleanQ
import CleanQTesting
import Synchronization
import TestSupport

/// A wire whose device cuts calls short at random, and receives the beginning of a chain now and then.
struct RefusingWire: Sendable {
  let wire = TestWire()
  private let random: Random

  private final class Random: Sendable {
    private let generator: Mutex<SeededGenerator>

    init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }

    func number(in range: Range<Int>) -> Int { generator.withLock { Int.random(in: range, using: &$0) } }
  }

  init(seed: UInt64) {
    random = Random(seed: seed)
    wire.share = { [random] count in random.number(in: 0..<100) < 40 ? random.number(in: 0..<count + 1) : count }
  }

  /// One in a hundred is the beginning of a chain.
  func put(_ frame: [UInt8], headroom: Int = Buffer.standardHeadroom) {
    wire.put(frame, headroom: headroom, flags: random.number(in: 0..<100) == 0 ? [] : .last)
  }

  /// Whether each packet was transmitted in one buffer.
  var isUnchained: Bool { wire.transmittedBufferCount == wire.transmittedPacketCount }
}
