import CleanQ

/// Prints what the shipped RingQueue and RingPort answer, call by call, for ../oracle.ml to compare with what is proved:
///
///     cleanq-ring-trace SEED TRACES MOVES DEPTH
///
/// every sequence of DEPTH moves on rings of two slots, and TRACES random ones of MOVES moves from SEED on.
@main
struct RingTrace {
  static func main() {
    let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
    guard numbers.count == 4, CommandLine.arguments.count == 5 else {
      fatalError("usage: cleanq-ring-trace SEED TRACES MOVES DEPTH")
    }
    let fillers = Fillers()
    tryEverything(RingQueue.self, depth: numbers[3], fillers)
    tryEverything(TracedPort.self, depth: numbers[3], fillers)
    for trace in 0..<numbers[1] {
      let seed = UInt64(numbers[0] + trace)
      wander(RingQueue.self, seed: seed, moves: numbers[2], fillers)
      wander(TracedPort.self, seed: seed, moves: numbers[2], fillers)
    }
    fillers.output.line("end")
    fillers.output.flush()
  }

  private static func wander<End: TracedEnd & ~Copyable>(
    _ kind: End.Type, seed: UInt64, moves: Int, _ fillers: Fillers
  ) {
    var random = SplitMix(state: seed)
    let world = World<End>(
      slotCount: 2 << Int.random(in: 0..<3, using: &random), note: "seed \(seed)", fillers: fillers)
    for number in 0..<moves where !world.isOver {
      // A region that is there from the beginning, mostly.
      let move = number == 2 ? .register(.x, 0) : Move.random(callCount: End.offers.count, using: &random)
      if world.make(move) { world.count() }
    }
    world.end()
  }

  /// Every sequence of moves of one length, but for those that go on behind an impossible one. Three buffers are there, of which
  /// the second is the beginning of a packet.
  private static func tryEverything<End: TracedEnd & ~Copyable>(_ kind: End.Type, depth: Int, _ fillers: Fillers) {
    let alphabet = Move.alphabet(
      offers: End.offers.count, takes: End.takes.count, hasSingles: End.offers.count == 1)
    let before: [Move] = [
      .register(.x, 0), .carve(0, byteCount: 3), .carve(0, byteCount: 5), .carve(0, byteCount: 7), .toggleLast(.x, 1),
    ]
    var path = [Int](repeating: 0, count: depth)
    while true {
      let world = World<End>(slotCount: 2, note: "moves \(path)", fillers: fillers)
      for move in before { world.make(move) }
      var done = 0
      while done < depth, world.make(alphabet[path[done]]) {
        world.count()
        done += 1
      }
      world.end()
      // The next one, in the order of an odometer; what lies behind an impossible move is passed over.
      var place = min(done, depth - 1)
      for later in (place + 1)..<max(depth, place + 1) { path[later] = 0 }
      while place >= 0, path[place] == alphabet.count - 1 {
        path[place] = 0
        place -= 1
      }
      guard place >= 0 else { return }
      path[place] += 1
    }
  }
}

/// A small generator: the same numbers for the same seed, everywhere.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
